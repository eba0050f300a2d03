package dev.vmm.testing;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.PageAllocator;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.List;

/**
 * RAM in {@code long[]} chunks that are made when first touched: a terabyte costs what is used of
 * it.
 */
public class ArrayMemory implements PhysicalMemory {
  private static final VarHandle WORD = MethodHandles.arrayElementVarHandle(long[].class);
  private static final int CHUNK_SHIFT = 21;
  private static final int CHUNK_WORDS = 1 << (CHUNK_SHIFT - 3);

  private final AddressRange ram;
  private final long[][] chunks;
  private final PageAllocator allocator;

  /** Makes {@code [0, lengthBytes)} RAM, a multiple of 2 MiB; allocates from 1 MiB up. */
  public ArrayMemory(long lengthBytes) {
    ram = new AddressRange(0, lengthBytes);
    chunks = new long[Math.toIntExact(lengthBytes >>> CHUNK_SHIFT)][];
    allocator = new PageAllocator(List.of(AddressRange.between(0x100000, lengthBytes)));
  }

  @Override
  public List<AddressRange> ram() {
    return List.of(ram);
  }

  @Override
  public long read64(long hpa) {
    return (long) WORD.getOpaque(chunk(hpa, 8), word(hpa));
  }

  @Override
  public void write64(long hpa, long value) {
    WORD.setOpaque(chunk(hpa, 8), word(hpa), value);
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    WORD.setRelease(chunk(hpa, 8), word(hpa), value);
  }

  @Override
  public long readAcquire64(long hpa) {
    return (long) WORD.getAcquire(chunk(hpa, 8), word(hpa));
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    return WORD.compareAndSet(chunk(hpa, 8), word(hpa), expected, value);
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    long at = hpa;
    long value = first;
    int left = count;
    while (left > 0) {
      long[] words = chunk(at, 8);
      int from = word(at);
      int run = Math.min(left, CHUNK_WORDS - from);
      for (int i = from, end = from + run; i < end; i++) {
        words[i] = value;
        value += step;
      }
      left -= run;
      at += 8L * run;
    }
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    int done = 0;
    while (done < count) {
      long[] words = chunk(hpa + 8L * done, 8);
      int from = word(hpa + 8L * done);
      int run = Math.min(count - done, CHUNK_WORDS - from);
      for (int i = 0; i < run; i++) {
        if ((words[from + i] & mask) != 0) {
          return done + i;
        }
      }
      done += run;
    }
    return count;
  }

  @Override
  public long read(long hpa, int widthBytes) {
    if (widthBytes == 8) {
      return read64(hpa);
    }
    return (read64(aligned(hpa, widthBytes)) >>> shift(hpa)) & mask(widthBytes);
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    if (widthBytes == 8) {
      write64(hpa, value);
      return;
    }
    long at = aligned(hpa, widthBytes);
    long mask = mask(widthBytes) << shift(hpa);
    long old;
    do {
      old = read64(at);
    } while (!compareAndSet64(at, old, (old & ~mask) | ((value << shift(hpa)) & mask)));
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    for (int i = 0; i < length; i++) {
      target[offset + i] = (byte) read(hpa + i, 1);
    }
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    for (int i = 0; i < length; i++) {
      write(hpa + i, 1, source[offset + i]);
    }
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    long hpa = allocator.allocate(lengthBytes, alignmentBytes);
    for (long at = hpa; at < hpa + lengthBytes; at += PAGE_BYTES) {
      fill64(at, (int) (PAGE_BYTES / 8), 0, 0);
    }
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

  private long[] chunk(long hpa, int widthBytes) {
    if (!ram.contains(hpa) || (hpa & (widthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "access of %d bytes at 0x%x: expected an aligned address in RAM %s",
          widthBytes, hpa, ram);
    }
    int index = (int) (hpa >>> CHUNK_SHIFT);
    long[] words = chunks[index];
    return words != null ? words : make(index);
  }

  private synchronized long[] make(int index) {
    if (chunks[index] == null) {
      chunks[index] = new long[CHUNK_WORDS];
    }
    return chunks[index];
  }

  private static int word(long hpa) {
    return (int) (hpa >>> 3) & (CHUNK_WORDS - 1);
  }

  private static long aligned(long hpa, int widthBytes) {
    if ((hpa & (widthBytes - 1)) != 0) {
      throw VmmException.invalid("access of %d bytes at 0x%x is not aligned", widthBytes, hpa);
    }
    return hpa & ~7L;
  }

  private static int shift(long hpa) {
    return (int) (hpa & 7) * 8;
  }

  private static long mask(int widthBytes) {
    return -1L >>> (64 - 8 * widthBytes);
  }
}
