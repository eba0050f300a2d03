package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory over a sparse file of 3 GiB, laid out as q35 lays it out. */
class QemuMemoryTest {
  private static final long GIB = 1L << 30;
  private static final long HIGH = 4 * GIB;

  @TempDir Path directory;

  private RandomAccessFile file;
  private QemuMemory memory;

  @BeforeEach
  void map() throws IOException {
    file = new RandomAccessFile(directory.resolve("ram").toFile(), "rw");
    file.setLength(3 * GIB);
    memory =
        new QemuMemory(
            file.getChannel(), List.of(new AddressRange(0, 2 * GIB), new AddressRange(HIGH, GIB)));
    memory.allocateFrom(List.of(new AddressRange(16 << 20, 1 << 20)));
  }

  @AfterEach
  void close() throws IOException {
    file.close();
  }

  @Test
  void wordsAreLittleEndianInTheFileWithHighMemoryAfterLow() throws IOException {
    memory.write64(GIB + 8, 0x1122334455667788L);
    memory.write64(HIGH + GIB - 8, 0x0102030405060708L);

    assertThat(fileBytes(GIB + 8, 8))
        .containsExactly(0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11);
    assertThat(fileBytes(3 * GIB - 8, 8)).containsExactly(8, 7, 6, 5, 4, 3, 2, 1);
    assertThat(memory.read64(GIB + 8)).isEqualTo(0x1122334455667788L);
  }

  @Test
  void eachWidthTouchesItsBytesOnly() {
    memory.write64(0x1000, -1L);
    memory.write(0x1001, 1, 0xaa12);
    memory.write(0x1002, 2, 0xbb3456);
    memory.write(0x1004, 4, 0xcc789abcdeL);

    assertThat(memory.read64(0x1000)).isEqualTo(0x789abcde_3456_12ffL);
    assertThat(memory.read(0x1000, 1)).isEqualTo(0xff);
    assertThat(memory.read(0x1002, 2)).isEqualTo(0x3456);
    assertThat(memory.read(0x1004, 4)).isEqualTo(0x789abcdeL);
    memory.write(0x1004, 4, 0xffff_ffffL);
    assertThat(memory.read(0x1004, 4)).isEqualTo(0xffff_ffffL);
  }

  @Test
  void compareAndSetReplacesOnlyWhatWasExpected() {
    memory.write64(0x2000, 5);

    assertThat(memory.compareAndSet64(0x2000, 4, 9)).isFalse();
    assertThat(memory.readAcquire64(0x2000)).isEqualTo(5);
    assertThat(memory.compareAndSet64(0x2000, 5, 9)).isTrue();
    assertThat(memory.readAcquire64(0x2000)).isEqualTo(9);
    memory.writeRelease64(0x2000, -3);
    assertThat(memory.read64(0x2000)).isEqualTo(-3);
  }

  @Test
  void fillAndFindCrossAWindow() {
    long start = GIB - 16;

    memory.fill64(start, 5, 0x1003, 0x1000);

    assertThat(memory.read64(start - 8)).isZero();
    for (int i = 0; i < 5; i++) {
      assertThat(memory.read64(start + 8 * i)).isEqualTo(0x1003 + 0x1000 * i);
    }
    assertThat(memory.read64(start + 40)).isZero();
    assertThat(memory.find64(start, 5, 0x4000)).isEqualTo(3);
    assertThat(memory.find64(start, 5, 1L << 63)).isEqualTo(5);
    assertThat(memory.find64(start - 64, 8, -1)).isEqualTo(8);
    long[] words = new long[8];
    memory.read64(start - 8, words, 7);
    assertThat(words).containsExactly(0, 0x1003, 0x2003, 0x3003, 0x4003, 0x5003, 0, 0);
  }

  @Test
  void bytesCrossAWindow() {
    byte[] bytes = {1, 2, 3, 4, 5, 6, 7};

    memory.writeBytes(GIB - 3, bytes, 1, 5);

    byte[] read = new byte[9];
    memory.readBytes(GIB - 4, read, 1, 7);
    assertThat(read).containsExactly(0, 0, 2, 3, 4, 5, 6, 0, 0);
  }

  @Test
  void anAccessOutsideRamOrUnalignedIsRefused() {
    assertInvalid(() -> memory.read64(2 * GIB), "0x80000000");
    assertInvalid(() -> memory.read64(3 * GIB), "0xc0000000");
    assertInvalid(() -> memory.read64(HIGH + GIB), "0x140000000");
    assertInvalid(() -> memory.read64(-8), "0xfffffffffffffff8");
    assertInvalid(() -> memory.write64(0x1004, 0), "0x1004");
    assertInvalid(() -> memory.read(0x1001, 2), "0x1001");
    assertInvalid(() -> memory.read(0x1000, 3), "width");
    assertInvalid(() -> memory.write(0x1000, 16, 0), "width");
    assertInvalid(() -> memory.fill64(2 * GIB - 8, 2, -1, 0), "0x7ffffff8");
    assertInvalid(() -> memory.fill64(0x1000, -1, 0, 0), "-1");
    assertInvalid(() -> memory.find64(HIGH + GIB - 8, 2, 1), "0x13ffffff8");
    assertInvalid(() -> memory.read64(HIGH + GIB - 8, new long[2], 2), "0x13ffffff8");
    assertInvalid(() -> memory.read64(0x1004, new long[1], 1), "0x1004");
    assertInvalid(() -> memory.readBytes(2 * GIB - 1, new byte[2], 0, 2), "0x7fffffff");
    assertInvalid(() -> memory.writeBytes(-1, new byte[2], 0, 2), "0xffffffffffffffff");
    assertInvalid(() -> memory.flushCache(2 * GIB, 1), "0x80000000");
    assertThat(memory.read64(2 * GIB - 8)).isZero();
  }

  @Test
  void allocatedPagesAreZeroed() {
    memory.fill64(16 << 20, 1024, -1, 0);

    long page = memory.allocatePage();
    long next = memory.allocatePage();

    assertThat(page).isEqualTo(16 << 20);
    assertThat(memory.find64(page, 512, -1)).isEqualTo(512);
    assertThat(memory.find64(next, 512, -1)).isEqualTo(512);
    assertThat(memory.allocatedBytes()).isEqualTo(8192);
    memory.free(page, 4096);
    memory.free(next, 4096);
    assertThat(memory.allocatedBytes()).isZero();
  }

  @Test
  void memoryOfADeadMachineFailsWithTheReason() {
    memory.retire(new VmmException(Errno.EIO, "QEMU was shot"));

    List<ThrowingCallable> accesses =
        List.of(
            () -> memory.read64(0x1000),
            () -> memory.write64(0x1000, 1),
            () -> memory.fill64(0x1000, 4, 0, 0),
            () -> memory.find64(0x1000, 4, 0),
            () -> memory.readBytes(0x1000, new byte[1], 0, 1),
            () -> memory.allocatePage());
    for (ThrowingCallable access : accesses) {
      assertThatThrownBy(access)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
          .hasMessageContaining("QEMU was shot");
    }
    assertThat(memory.allocatedBytes()).isZero();
  }

  private static void assertInvalid(ThrowingCallable access, String message) {
    assertThatThrownBy(access)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining(message);
  }

  private byte[] fileBytes(long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    try (FileChannel other = FileChannel.open(directory.resolve("ram"))) {
      other.read(bytes, offset);
    }
    return bytes.array();
  }
}
