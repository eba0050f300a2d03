package dev.vmm.benchmarks;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.PageAllocator;
import dev.vmm.machine.PhysicalMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * RAM in one mapped file, as a machine has it whose memory another process shares. For measuring
 * only: at most 2^31 - 4096 bytes, allocated from address 0 up, the file deleted at once.
 */
public final class MappedFileMemory implements PhysicalMemory {
  private static final VarHandle WORD =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private final AddressRange ram;
  private final int lengthBytes;
  private final MappedByteBuffer bytes;
  private final PageAllocator allocator;

  /** Maps a new temporary file of this length, a multiple of 4096. */
  public MappedFileMemory(int lengthBytes) {
    this.lengthBytes = lengthBytes;
    ram = new AddressRange(0, lengthBytes);
    allocator = new PageAllocator(List.of(ram));
    try {
      Path file = Files.createTempFile("vmm-benchmark", ".ram");
      try (FileChannel channel =
          FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        bytes = channel.map(FileChannel.MapMode.READ_WRITE, 0, lengthBytes);
        bytes.order(ByteOrder.LITTLE_ENDIAN);
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public List<AddressRange> ram() {
    return List.of(ram);
  }

  @Override
  public long read64(long hpa) {
    return (long) WORD.getOpaque(bytes, offset(hpa, 8));
  }

  @Override
  public void write64(long hpa, long value) {
    WORD.setOpaque(bytes, offset(hpa, 8), value);
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    WORD.setRelease(bytes, offset(hpa, 8), value);
  }

  @Override
  public long readAcquire64(long hpa) {
    return (long) WORD.getAcquire(bytes, offset(hpa, 8));
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    return WORD.compareAndSet(bytes, offset(hpa, 8), expected, value);
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    int from = offset(hpa, 8 * count);
    ByteBuffer target = bytes;
    long value = first;
    for (int i = 0; i < count; i++) {
      WORD.set(target, from + 8 * i, value);
      value += step;
    }
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    int from = offset(hpa, 8 * count);
    for (int i = 0; i < count; i++) {
      if (((long) WORD.get(bytes, from + 8 * i) & mask) != 0) {
        return i;
      }
    }
    return count;
  }

  @Override
  public long read(long hpa, int widthBytes) {
    int at = offset(hpa, widthBytes);
    return switch (widthBytes) {
      case 1 -> bytes.get(at) & 0xffL;
      case 2 -> bytes.getShort(at) & 0xffffL;
      case 4 -> bytes.getInt(at) & 0xffff_ffffL;
      default -> bytes.getLong(at);
    };
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    int at = offset(hpa, widthBytes);
    switch (widthBytes) {
      case 1 -> bytes.put(at, (byte) value);
      case 2 -> bytes.putShort(at, (short) value);
      case 4 -> bytes.putInt(at, (int) value);
      default -> bytes.putLong(at, value);
    }
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    bytes.get(offset(hpa, length), target, offset, length);
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    bytes.put(offset(hpa, length), source, offset, length);
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    long hpa = allocator.allocate(lengthBytes, alignmentBytes);
    fill64(hpa, (int) (lengthBytes / 8), 0, 0);
    return hpa;
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    allocator.free(hpa, lengthBytes);
  }

  @Override
  public long allocatedBytes() {
    return allocator.allocatedBytes();
  }

  @Override
  public void flushCache(long hpa, long lengthBytes) {
    VarHandle.fullFence();
  }

  private int offset(long hpa, int length) {
    if (hpa < 0 || hpa > lengthBytes - length) {
      throw VmmException.invalid("access of %d bytes at 0x%x: expected RAM %s", length, hpa, ram);
    }
    return (int) hpa;
  }
}
