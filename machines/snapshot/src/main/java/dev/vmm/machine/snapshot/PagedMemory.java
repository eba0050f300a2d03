package dev.vmm.machine.snapshot;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Memory that is read by whole pages from somewhere else and cannot be written. A few pages are
 * kept: tables are read word by word, and again and again.
 *
 * <p>Thread-safe.
 */
abstract class PagedMemory implements PhysicalMemory {
  private static final int KEPT_PAGES = 256;
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final class Page {
    final long hpa;
    final byte[] bytes;

    Page(long hpa, byte[] bytes) {
      this.hpa = hpa;
      this.bytes = bytes;
    }
  }

  private final String machine;
  private final List<AddressRange> ram;
  private final Map<Long, Page> kept =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, Page> eldest) {
          return size() > KEPT_PAGES;
        }
      };

  private volatile @Nullable Page last;
  private volatile @Nullable AddressRange lastRange;

  /**
   * Memory of these ranges.
   *
   * @param machine names the machine in messages
   * @param ram sorted and disjoint
   */
  PagedMemory(String machine, List<AddressRange> ram) {
    this.machine = machine;
    this.ram = List.copyOf(ram);
  }

  /** Returns the bytes of a page, at least one of which is RAM. Called by one thread at a time. */
  abstract byte[] load(long pageHpa);

  final String machine() {
    return machine;
  }

  @Override
  public List<AddressRange> ram() {
    return ram;
  }

  @Override
  public long read64(long hpa) {
    return read(hpa, 8);
  }

  @Override
  public long readAcquire64(long hpa) {
    return read(hpa, 8);
  }

  @Override
  public long read(long hpa, int widthBytes) {
    if ((widthBytes != 1 && widthBytes != 2 && widthBytes != 4 && widthBytes != 8)
        || (hpa & (widthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "cannot read %d bytes at 0x%x: expected 1, 2, 4 or 8 at a multiple of them",
          widthBytes, hpa);
    }
    requireRam(hpa, widthBytes);
    byte[] bytes = page(hpa & -PAGE_BYTES);
    int at = (int) (hpa & (PAGE_BYTES - 1));
    if (widthBytes == 8) {
      return (long) LONG.get(bytes, at);
    }
    long value = 0;
    for (int i = widthBytes - 1; i >= 0; i--) {
      value = (value << 8) | (bytes[at + i] & 0xff);
    }
    return value;
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    java.util.Objects.checkFromIndexSize(offset, length, target.length);
    if (length == 0) {
      return;
    }
    requireRam(hpa, length);
    for (int done = 0; done < length; ) {
      long from = hpa + done;
      int inPage = (int) (from & (PAGE_BYTES - 1));
      int count = (int) Math.min(length - done, PAGE_BYTES - inPage);
      System.arraycopy(page(from & -PAGE_BYTES), inPage, target, offset + done, count);
      done += count;
    }
  }

  @Override
  public void read64(long hpa, long[] words, int count) {
    java.util.Objects.checkFromIndexSize(0, count, words.length);
    if ((hpa & 7) != 0) {
      throw VmmException.invalid(
          "cannot read %d words at 0x%x: expected a multiple of 8", count, hpa);
    }
    if (count == 0) {
      return;
    }
    requireRam(hpa, 8L * count);
    for (int done = 0; done < count; ) {
      long from = hpa + 8L * done;
      int inPage = (int) (from & (PAGE_BYTES - 1)) >>> 3;
      int now = (int) Math.min(count - done, (PAGE_BYTES >>> 3) - inPage);
      ByteBuffer.wrap(page(from & -PAGE_BYTES))
          .order(ByteOrder.LITTLE_ENDIAN)
          .asLongBuffer()
          .get(inPage, words, done, now);
      done += now;
    }
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    for (int i = 0; i < count; i++) {
      if ((read64(hpa + 8L * i) & mask) != 0) {
        return i;
      }
    }
    return count;
  }

  private byte[] page(long hpa) {
    Page page = last;
    if (page != null && page.hpa == hpa) {
      return page.bytes;
    }
    synchronized (kept) {
      page = kept.get(hpa);
      if (page == null) {
        page = new Page(hpa, load(hpa));
        kept.put(hpa, page);
      }
      last = page;
      return page.bytes;
    }
  }

  private void requireRam(long hpa, long lengthBytes) {
    AddressRange range = lastRange;
    if (range != null && isIn(range, hpa, lengthBytes)) {
      return;
    }
    for (AddressRange candidate : ram) {
      if (isIn(candidate, hpa, lengthBytes)) {
        lastRange = candidate;
        return;
      }
    }
    throw VmmException.invalid(
        "0x%x bytes at 0x%x are not in the RAM of %s: expected an address in %s",
        lengthBytes, hpa, machine, SnapshotFormat.few(ram));
  }

  private static boolean isIn(AddressRange range, long hpa, long lengthBytes) {
    long offset = hpa - range.start();
    return Long.compareUnsigned(offset, range.lengthBytes()) < 0
        && Long.compareUnsigned(lengthBytes, range.lengthBytes() - offset) <= 0;
  }

  private VmmException readOnly(long hpa) {
    return SnapshotFormat.readOnly(machine, String.format("memory at 0x%x", hpa));
  }

  @Override
  public void write64(long hpa, long value) {
    throw readOnly(hpa);
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    throw readOnly(hpa);
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    throw readOnly(hpa);
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    throw readOnly(hpa);
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    throw readOnly(hpa);
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    throw readOnly(hpa);
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    throw SnapshotFormat.readOnly(machine, "an allocation");
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    throw readOnly(hpa);
  }

  @Override
  public long allocatedBytes() {
    return 0;
  }

  /** Does nothing: there is no unit that reads this memory. */
  @Override
  public void flushCache(long hpa, long lengthBytes) {}
}
