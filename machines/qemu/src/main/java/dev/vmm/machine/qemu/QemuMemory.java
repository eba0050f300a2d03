package dev.vmm.machine.qemu;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.PageAllocator;
import dev.vmm.machine.PhysicalMemory;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The machine's RAM, mapped from the file that QEMU has mapped too: an access is a load or a store,
 * no round trip.
 *
 * <p>Memory is cut into windows of 1 GiB by address, one mapped buffer each. When the machine dies
 * the windows are taken away, so that the next access fails without a check on the way of the good
 * ones.
 */
final class QemuMemory implements PhysicalMemory {
  private static final VarHandle LONG =
      MethodHandles.byteBufferViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteBufferViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle SHORT =
      MethodHandles.byteBufferViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int WINDOW_SHIFT = 30;
  private static final long WINDOW_BYTES = 1L << WINDOW_SHIFT;
  private static final ByteBuffer NO_RAM = ByteBuffer.allocateDirect(0);

  private final List<AddressRange> ram;
  private volatile @Nullable PageAllocator allocator;
  private volatile @Nullable VmmException death;

  /** By {@code hpa >>> 30}; {@link #NO_RAM} where there is none. */
  private volatile ByteBuffer[] windows;

  /**
   * Maps the file.
   *
   * @param ram where its bytes appear, in the order they have in the file
   * @throws IOException if the file cannot be mapped
   */
  QemuMemory(FileChannel file, List<AddressRange> ram) throws IOException {
    this.ram = ram;
    long end = ram.get(ram.size() - 1).end();
    List<ByteBuffer> mapped = new ArrayList<>();
    for (long start = 0; start < end; start += WINDOW_BYTES) {
      mapped.add(map(file, start));
    }
    windows = mapped.toArray(new ByteBuffer[0]);
  }

  private ByteBuffer map(FileChannel file, long start) throws IOException {
    long fileOffset = 0;
    for (AddressRange range : ram) {
      if (range.contains(start)) {
        long length = Math.min(WINDOW_BYTES, range.end() - start);
        return file.map(FileChannel.MapMode.READ_WRITE, fileOffset + start - range.start(), length)
            .order(ByteOrder.LITTLE_ENDIAN);
      }
      fileOffset += range.lengthBytes();
    }
    return NO_RAM;
  }

  /** Says which pages may be handed out; until then {@link #allocate} fails with ENOMEM. */
  void allocateFrom(List<AddressRange> free) {
    allocator = new PageAllocator(free);
  }

  /** Has every later access fail with EIO. */
  void retire(VmmException cause) {
    death = cause;
    windows = new ByteBuffer[0];
  }

  @Override
  public List<AddressRange> ram() {
    return ram;
  }

  @Override
  public long read64(long hpa) {
    return (long) LONG.getOpaque(window(hpa, 8), offset(hpa));
  }

  @Override
  public void read64(long hpa, long[] words, int count) {
    java.util.Objects.checkFromIndexSize(0, count, words.length);
    requireRun(hpa, count);
    for (int done = 0; done < count; ) {
      ByteBuffer window = window(hpa + ((long) done << 3), 8);
      int from = offset(hpa + ((long) done << 3)) >>> 3;
      int run = Math.min(count - done, (window.limit() >>> 3) - from);
      // The JDK copies what is aligned to 8 bytes in units of them.
      window.asLongBuffer().get(from, words, done, run);
      done += run;
    }
  }

  @Override
  public void write64(long hpa, long value) {
    LONG.setOpaque(window(hpa, 8), offset(hpa), value);
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    LONG.setRelease(window(hpa, 8), offset(hpa), value);
  }

  @Override
  public long readAcquire64(long hpa) {
    return (long) LONG.getAcquire(window(hpa, 8), offset(hpa));
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    return LONG.compareAndSet(window(hpa, 8), offset(hpa), expected, value);
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    requireRun(hpa, count);
    long at = hpa;
    long value = first;
    int left = count;
    while (left > 0) {
      ByteBuffer window = window(at, 8);
      int from = offset(at);
      int run = Math.min(left, (window.limit() - from) >>> 3);
      // An aligned plain store of 64 bits is one store on a 64-bit JVM (byteBufferViewVarHandle).
      for (int i = from, end = from + (run << 3); i < end; i += 8) {
        LONG.set(window, i, value);
        value += step;
      }
      left -= run;
      at += (long) run << 3;
    }
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    requireRun(hpa, count);
    int done = 0;
    while (done < count) {
      long at = hpa + ((long) done << 3);
      ByteBuffer window = window(at, 8);
      int from = offset(at);
      int run = Math.min(count - done, (window.limit() - from) >>> 3);
      for (int i = 0; i < run; i++) {
        if (((long) LONG.get(window, from + (i << 3)) & mask) != 0) {
          return done + i;
        }
      }
      done += run;
    }
    return count;
  }

  @Override
  public long read(long hpa, int widthBytes) {
    return switch (widthBytes) {
      case 1 -> window(hpa, 1).get(offset(hpa)) & 0xffL;
      case 2 -> (short) SHORT.get(window(hpa, 2), offset(hpa)) & 0xffffL;
      case 4 -> (int) INT.getOpaque(window(hpa, 4), offset(hpa)) & 0xffff_ffffL;
      case 8 -> read64(hpa);
      default -> throw badWidth(hpa, widthBytes);
    };
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    switch (widthBytes) {
      case 1 -> window(hpa, 1).put(offset(hpa), (byte) value);
      case 2 -> SHORT.set(window(hpa, 2), offset(hpa), (short) value);
      case 4 -> INT.setOpaque(window(hpa, 4), offset(hpa), (int) value);
      case 8 -> write64(hpa, value);
      default -> throw badWidth(hpa, widthBytes);
    }
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    requireBytes(hpa, length);
    for (int done = 0; done < length; ) {
      ByteBuffer window = window(hpa + done, 1);
      int at = offset(hpa + done);
      int part = Math.min(length - done, window.limit() - at);
      window.get(at, target, offset + done, part);
      done += part;
    }
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    requireBytes(hpa, length);
    for (int done = 0; done < length; ) {
      ByteBuffer window = window(hpa + done, 1);
      int at = offset(hpa + done);
      int part = Math.min(length - done, window.limit() - at);
      window.put(at, source, offset + done, part);
      done += part;
    }
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    PageAllocator pages = allocator;
    if (pages == null) {
      throw new VmmException(Errno.ENOMEM, "no memory yet: the firmware still owns all of it");
    }
    long hpa = pages.allocate(lengthBytes, alignmentBytes);
    try {
      for (long at = hpa; at != hpa + lengthBytes; at += PAGE_BYTES) {
        fill64(at, (int) (PAGE_BYTES / 8), 0, 0);
      }
    } catch (VmmException e) {
      pages.free(hpa, lengthBytes);
      throw e;
    }
    return hpa;
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    PageAllocator pages = allocator;
    if (pages == null) {
      throw VmmException.invalid("cannot free 0x%x: nothing was allocated", hpa);
    }
    pages.free(hpa, lengthBytes);
  }

  @Override
  public long allocatedBytes() {
    PageAllocator pages = allocator;
    return pages == null ? 0 : pages.allocatedBytes();
  }

  /**
   * Orders the stores before it; there is nothing to write back. QEMU's device models read the very
   * pages that this process writes, through the caches of the same processor, so they see every
   * store that is no longer in a store buffer.
   */
  @Override
  public void flushCache(long hpa, long lengthBytes) {
    requireBytes(hpa, lengthBytes);
    VarHandle.fullFence();
  }

  private ByteBuffer window(long hpa, int widthBytes) {
    ByteBuffer[] present = windows;
    long index = hpa >>> WINDOW_SHIFT;
    if (index >= present.length || (hpa & (widthBytes - 1)) != 0) {
      throw fail(hpa, widthBytes);
    }
    ByteBuffer window = present[(int) index];
    if (offset(hpa) > window.limit() - widthBytes) {
      throw fail(hpa, widthBytes);
    }
    return window;
  }

  private static int offset(long hpa) {
    return (int) hpa & (int) (WINDOW_BYTES - 1);
  }

  private void requireRun(long hpa, int count) {
    if (count < 0) {
      throw VmmException.invalid("run of %d words at 0x%x: expected 0 or more", count, hpa);
    }
    if (count > 0) {
      window(hpa, 8);
      requireBytes(hpa, (long) count << 3);
    }
  }

  private void requireBytes(long hpa, long length) {
    if (length == 0) {
      return;
    }
    for (int i = 0; i < ram.size(); i++) {
      AddressRange range = ram.get(i);
      if (range.contains(hpa) && Long.compareUnsigned(length, range.end() - hpa) <= 0) {
        return;
      }
    }
    throw VmmException.invalid(
        "access of 0x%x bytes at 0x%x: expected a range inside RAM %s", length, hpa, ram);
  }

  private VmmException fail(long hpa, int widthBytes) {
    VmmException cause = death;
    if (cause != null) {
      return new VmmException(
          Errno.EIO,
          String.format("memory at 0x%x is gone with its machine: %s", hpa, cause.getMessage()),
          cause);
    }
    return VmmException.invalid(
        "access of %d bytes at 0x%x: expected an aligned address in RAM %s", widthBytes, hpa, ram);
  }

  private static VmmException badWidth(long hpa, int widthBytes) {
    return VmmException.invalid(
        "access of %d bytes at 0x%x: expected a width of 1, 2, 4 or 8", widthBytes, hpa);
  }
}
