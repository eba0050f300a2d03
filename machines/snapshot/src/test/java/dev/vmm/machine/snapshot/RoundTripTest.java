package dev.vmm.machine.snapshot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import java.util.List;
import java.util.zip.ZipInputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** What was read of the live machine reads the same of its snapshot; what was not is an error. */
final class RoundTripTest {
  private final Subject live = new Subject();

  private static void assertErrno(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  private SnapshotMachine recorded(java.util.function.Consumer<Machine> inspection) {
    return SnapshotMachine.of(live.record(inspection), "FILE");
  }

  @Test
  void namesAndRamAreKept() {
    SnapshotMachine snapshot = recorded(machine -> {});

    assertThat(snapshot.name()).isEqualTo("snapshot:FILE");
    assertThat(snapshot.recordedName()).isEqualTo("fake:");
    assertThat(snapshot.creator()).isEqualTo("test 1");
    assertThat(snapshot.memory().ram()).isEqualTo(live.memory.ram());
  }

  @Test
  void theMemoryMapIsKeptIfThereIsOne() {
    assertThat(recorded(machine -> {}).memoryMap()).isEqualTo(live.machine.memoryMap()).isPresent();
    byte[] file = Subject.record(new FakeMachine(live.memory), machine -> {});
    assertThat(SnapshotMachine.of(file, "FILE").memoryMap()).isEmpty();
  }

  @Test
  void tablesKeepOrderBytesAndOrigin() {
    SnapshotMachine snapshot = recorded(machine -> {});

    assertThat(snapshot.acpi().tables())
        .extracting(t -> t.signature() + " " + t.lengthBytes() + " " + t.origin())
        .containsExactly(
            "DMAR 48 memory at 0x1000", "SSDT 40 memory at 0x2000", "SSDT 44 memory at 0x3000");
    for (int i = 0; i < 3; i++) {
      assertThat(snapshot.acpi().tables().get(i).toBytes())
          .isEqualTo(live.machine.acpi().tables().get(i).toBytes());
    }
  }

  @Test
  void functionsAreThereWithVirtualOnesAndNoOtherAnswers() {
    SnapshotMachine snapshot = recorded(machine -> {});

    assertThat(snapshot.pci().segments()).isEqualTo(live.machine.pci().segments());
    assertThat(snapshot.pci().functions())
        .extracting(PciFunction::toString)
        .containsExactlyElementsOf(
            live.machine.pci().functions().stream().map(PciFunction::toString).toList())
        .hasSize(5);
    Rid rid = Rid.parse("01:00.0");
    assertThat(snapshot.pci().function(rid).orElseThrow().config().extendedCapability(0x10))
        .contains(0x100);
    assertThat(snapshot.pci().read(rid, 0x10a, 1)).isZero();
    assertThat(snapshot.pci().read(rid, 0x02, 2)).isEqualTo(0x11e8);
    assertThat(snapshot.pci().read(Rid.parse("00:07.0"), 0, 4)).isEqualTo(-1);
    assertThat(snapshot.pci().read(Rid.parse("00:07.0"), 0, 2)).isEqualTo(0xffff);
    assertErrno(Errno.EINVAL, () -> snapshot.pci().read(rid, 0x1000, 4), "0000:01:00.0");
    assertErrno(Errno.EINVAL, () -> snapshot.pci().read(rid, 2, 4), "0x2");
  }

  @Test
  void aPageReadsTheSameInEveryWidth() {
    SnapshotMachine snapshot = recorded(machine -> machine.memory().read64(0x3008));
    PhysicalMemory memory = snapshot.memory();

    for (int width : new int[] {1, 2, 4, 8}) {
      for (long at = 0x3000; at < 0x4000; at += width) {
        assertThat(memory.read(at, width)).isEqualTo(live.memory.read(at, width));
      }
    }
    assertThat(memory.readAcquire64(0x3ff8)).isEqualTo(live.memory.read64(0x3ff8));
    byte[] expected = new byte[100];
    byte[] actual = new byte[100];
    live.memory.readBytes(0x3005, expected, 3, 90);
    memory.readBytes(0x3005, actual, 3, 90);
    assertThat(actual).isEqualTo(expected);
    assertThat(memory.find64(0x3000, 512, 0x300)).isEqualTo(live.memory.find64(0x3000, 512, 0x300));
    long[] words = new long[512];
    memory.read64(0x3008, words, 511);
    for (int i = 0; i < 511; i++) {
      assertThat(words[i]).isEqualTo(live.memory.read64(0x3008 + 8 * i));
    }
  }

  @Test
  void onlyPagesThatWereReadAreThereAndAnotherIsNamed() {
    SnapshotMachine snapshot =
        recorded(
            machine -> {
              machine.memory().find64(0x5ff8, 2, -1L);
              machine.memory().readBytes(0x8ffc, new byte[8], 0, 8);
            });

    for (long page : new long[] {0x5000, 0x8000, 0x9000}) {
      assertThat(snapshot.memory().read64(page)).isEqualTo(live.memory.read64(page));
    }
    for (long page : new long[] {0x4000, 0x6000, 0x7000, 0xa000}) {
      assertErrno(
          Errno.ENOENT,
          () -> snapshot.memory().read64(page + 8),
          "FILE does not hold the page of memory at 0x" + Long.toHexString(page));
    }
    assertErrno(Errno.EINVAL, () -> snapshot.memory().read64(16 << 20), "0x1000000", "RAM");
    assertErrno(Errno.EINVAL, () -> snapshot.memory().read64(0x5001), "0x5001");
  }

  @Test
  void whatWasReadFirstCounts() {
    live.registers.put(0x20L, 1L);
    SnapshotMachine snapshot =
        recorded(
            machine -> {
              RegisterBlock block = machine.registers(Subject.REGISTERS, 0x1000);
              long before = machine.memory().read64(0x3000);
              block.read64(0x20);
              live.registers.put(0x20L, 2L);
              live.memory.write64(0x3000, before + 1);
              assertThat(block.read64(0x20)).isEqualTo(2);
            });

    assertThat(snapshot.memory().read64(0x3000)).isEqualTo(live.memory.read64(0x3000) - 1);
    assertThat(snapshot.registers(Subject.REGISTERS, 0x1000).read64(0x20)).isEqualTo(1);
  }

  @Test
  void registersReadTheSameAndInOtherWidthsToo() {
    live.registers.put(0x08L, 0x8877665544332211L);
    live.registers.put(0x40L, 0x44332211L);
    live.registers.put(0x44L, 0x88776655L);
    SnapshotMachine snapshot =
        recorded(
            machine -> {
              RegisterBlock block = machine.registers(Subject.REGISTERS, 0x1000);
              block.read64(0x08);
              block.read32(0x40);
              block.read32(0x44);
            });

    RegisterBlock block = snapshot.registers(Subject.REGISTERS, 0x1000);
    assertThat(block.read64(0x08)).isEqualTo(0x8877665544332211L);
    assertThat(block.read32(0x0c)).isEqualTo(0x88776655);
    assertThat(block.read(0x0a, 2)).isEqualTo(0x4433);
    assertThat(block.read(0x0f, 1)).isEqualTo(0x88);
    assertThat(block.read64(0x40)).isEqualTo(0x8877665544332211L);
    assertErrno(Errno.ENOENT, () -> block.read32(0x48), "4 bytes at 0xfed90048");
    assertErrno(Errno.ENOENT, () -> block.read64(0x38), "8 bytes at 0xfed90038");
    assertErrno(Errno.EINVAL, () -> block.read32(0x1000), "0x1000");
    assertErrno(Errno.EINVAL, () -> block.read32(0x42), "0x42");
    assertErrno(
        Errno.EINVAL,
        () -> snapshot.registers(0xfed91000L, 0x1000),
        "no registers at 0xfed91000",
        "0xfed90000-0xfed90fff");
    assertThat(snapshot.registers(Subject.REGISTERS, 0x10).lengthBytes()).isEqualTo(0x10);
  }

  @Test
  void nothingCanBeWrittenNeitherToASnapshotNorToAMachineThatIsRecorded() {
    SnapshotMachine snapshot =
        recorded(
            machine -> {
              assertReadOnly(machine);
              machine.memory().flushCache(0, 64);
            });
    assertReadOnly(snapshot);
    assertThat(live.machine.pci().writes).isEmpty();
    assertThat(live.memory.read64(0)).isEqualTo(7);
    assertThat(snapshot.memory().allocatedBytes()).isZero();
  }

  private static void assertReadOnly(Machine machine) {
    PhysicalMemory memory = machine.memory();
    RegisterBlock registers = machine.registers(Subject.REGISTERS, 0x1000);
    for (ThrowingCallable write :
        List.<ThrowingCallable>of(
            () -> memory.write64(0, 1),
            () -> memory.writeRelease64(0, 1),
            () -> memory.write(0, 4, 1),
            () -> memory.fill64(0, 1, 1, 1),
            () -> memory.compareAndSet64(0, 7, 1),
            () -> memory.writeBytes(0, new byte[1], 0, 1),
            memory::allocatePage,
            () -> memory.free(0x1000, 0x1000),
            () -> registers.write32(0, 1),
            () -> machine.pci().write(Rid.parse("00:00.0"), 4, 2, 6))) {
      assertErrno(Errno.EPERM, write, "it can only be read");
    }
  }

  @Test
  void aPageThatIsPartlyRamIsKeptAndTheRestIsRefused() {
    ArrayMemory memory =
        new ArrayMemory(2 << 20) {
          @Override
          public List<AddressRange> ram() {
            return List.of(new AddressRange(0, 0x9fc00), new AddressRange(0x100800, 0x800));
          }
        };
    memory.write64(0x9f008, 5);
    memory.write64(0x100800, 6);
    byte[] file =
        Subject.record(
            new FakeMachine(memory),
            machine -> {
              machine.memory().read64(0x9f008);
              machine.memory().read64(0x100800);
            });

    SnapshotMachine snapshot = SnapshotMachine.of(file, "FILE");
    assertThat(snapshot.memory().read64(0x9f008)).isEqualTo(5);
    assertThat(snapshot.memory().read64(0x100800)).isEqualTo(6);
    assertErrno(Errno.EINVAL, () -> snapshot.memory().read64(0x9fc00), "0x9fc00");
    assertErrno(Errno.EINVAL, () -> snapshot.memory().read64(0x100000), "0x100000");
  }

  @Test
  void theSameMachineGivesTheSameBytes() throws Exception {
    byte[] first = live.record(machine -> machine.memory().read64(0x3000));
    assertThat(live.record(machine -> machine.memory().read64(0x3000))).isEqualTo(first);
    try (ZipInputStream zip = new ZipInputStream(new java.io.ByteArrayInputStream(first))) {
      assertThat(zip.getNextEntry().getName()).isEqualTo("manifest.json");
      String manifest = new String(zip.readAllBytes(), java.nio.charset.StandardCharsets.UTF_8);
      assertThat(manifest).contains("\"version\": 1", "\"creator\": \"test 1\"");
      assertThat(manifest).doesNotContain("created");
    }
  }

  @Test
  void theTimeIsToldIfItIsGiven() {
    java.io.ByteArrayOutputStream out = new java.io.ByteArrayOutputStream();
    RecordingMachine recording =
        new RecordingMachine(
            live.machine, out, "a \"quoted\" \u00e9\u001b" + "x".repeat(5000), "2026-01-02");
    recording.finish();
    SnapshotMachine snapshot = SnapshotMachine.of(out.toByteArray(), "FILE");
    assertThat(snapshot.creator()).hasSize(4096).startsWith("a \"quoted\" \u00e9?xxx");
    assertErrno(Errno.EIO, () -> recording.memory().read64(0x3000), "has ended");
  }

  @Test
  void moreEntriesThanAPlainZipCanCount() {
    int pages = 66_000;
    ArrayMemory memory =
        new ArrayMemory(512 << 20) {
          @Override
          public long read64(long hpa) {
            return hpa == 65_999L * 4096 ? 42 : 0;
          }
        };
    byte[] file =
        Subject.record(
            new FakeMachine(memory),
            machine -> {
              for (int i = 0; i < pages; i++) {
                machine.memory().read64(i * 4096L);
              }
            });

    SnapshotMachine snapshot = SnapshotMachine.of(file, "FILE");
    assertThat(snapshot.memory().read64(65_999L * 4096)).isEqualTo(42);
    assertThat(snapshot.memory().read64(0)).isZero();
    assertErrno(Errno.ENOENT, () -> snapshot.memory().read64(66_000L * 4096), "page");
  }

  @Test
  void aClosedSnapshotCannotBeRead() {
    SnapshotMachine snapshot = recorded(machine -> machine.memory().read64(0x3000));
    snapshot.close();
    snapshot.close();
    assertErrno(Errno.EIO, () -> snapshot.memory().read64(0x3000), "FILE is closed");
  }
}
