package dev.vmm.machine.model.memory;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.PageAllocator;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Sparse memory: a page exists once somebody stored to it, so a machine of a TiB costs what is used
 * of it.
 *
 * <p>The processor's side is {@link PhysicalMemory}. Memory that is freed is scribbled over, so
 * that whoever still uses it, a unit included, finds no old contents; memory that is allocated is
 * zero for the processor, and for a unit only once that could see the stores. The other methods are
 * the hardware's side. Thread-safe.
 */
public final class ModelMemory implements PhysicalMemory {
  /** What freed memory holds: as a table entry it has every right and reserved bits set. */
  public static final long POISON = 0xdfdfdfdfdfdfdfdfL;

  /** No x86 processor has more physical address bits. */
  private static final long LIMIT = 1L << 52;

  private static final long[] EMPTY = new long[Page.WORDS];

  private final List<AddressRange> ram;
  private final PageAllocator allocator;

  /** The RAM that answers: all of it, and none once the machine was given up. */
  private volatile List<AddressRange> answering;

  private final Cells cells;
  private final Injector injector;
  private final CopyOnWriteArrayList<FreeListener> freeListeners = new CopyOnWriteArrayList<>();

  /**
   * Creates memory.
   *
   * @param ram all RAM: page-aligned, sorted, disjoint, below 2^52
   * @param free what may be allocated: as for {@link PageAllocator}, inside the RAM
   * @param visibility when units see stores
   * @param injector decides which allocations fail
   */
  public ModelMemory(
      List<AddressRange> ram, List<AddressRange> free, Visibility visibility, Injector injector) {
    for (AddressRange range : ram) {
      if (Long.compareUnsigned(range.last(), LIMIT) >= 0) {
        throw VmmException.invalid("RAM %s: expected addresses below 0x%x", range, LIMIT);
      }
    }
    this.ram = List.copyOf(ram);
    this.answering = this.ram;
    this.allocator = new PageAllocator(free);
    this.cells = new Cells(visibility);
    this.injector = injector;
  }

  // The processor's side.

  @Override
  public List<AddressRange> ram() {
    return ram;
  }

  @Override
  public long read64(long hpa) {
    return (long) Page.WORD.getOpaque(loading(hpa, 8), Cells.index(hpa));
  }

  @Override
  public long readAcquire64(long hpa) {
    return (long) Page.WORD.getAcquire(loading(hpa, 8), Cells.index(hpa));
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
    checkRun(hpa, 8L * count);
    for (int done = 0; done < count; ) {
      long at = hpa + 8L * done;
      int index = Cells.index(at);
      int now = Math.min(count - done, Page.WORDS - index);
      Page page = cells.find(at);
      if (page == null) {
        Arrays.fill(words, done, done + now, 0);
      } else {
        page.loading(index, index + now - 1);
        // Elements of a long[] are copied whole.
        System.arraycopy(page.words, index, words, done, now);
      }
      done += now;
    }
  }

  @Override
  public void write64(long hpa, long value) {
    check(hpa, 8);
    Page page = cells.page(hpa);
    StoreWatcher[] watchers = page.storeWatchers();
    if (watchers.length == 0 && cells.immediate()) {
      Page.WORD.setOpaque(page.words, Cells.index(hpa), value);
    } else {
      cells.stored(
          page, hpa, (long) Page.WORD.getAndSet(page.words, Cells.index(hpa), value), value, 8);
    }
  }

  @Override
  public void writeRelease64(long hpa, long value) {
    check(hpa, 8);
    Page page = cells.page(hpa);
    long before = (long) Page.WORD.getAndSetRelease(page.words, Cells.index(hpa), value);
    cells.stored(page, hpa, before, value, 8);
  }

  @Override
  public boolean compareAndSet64(long hpa, long expected, long value) {
    check(hpa, 8);
    Page page = cells.page(hpa);
    if (!Page.WORD.compareAndSet(page.words, Cells.index(hpa), expected, value)) {
      return false;
    }
    cells.stored(page, hpa, expected, value, 8);
    return true;
  }

  @Override
  public void fill64(long hpa, int count, long first, long step) {
    if (count < 0 || (hpa & 7) != 0) {
      throw VmmException.invalid(
          "cannot fill %d words at 0x%x: expected a count of 0 or more and a multiple of 8",
          count, hpa);
    }
    if (count == 0) {
      return;
    }
    checkRun(hpa, 8L * count);
    long value = first;
    for (int done = 0; done < count; ) {
      long at = hpa + 8L * done;
      Page page = cells.page(at);
      int index = Cells.index(at);
      int now = Math.min(count - done, Page.WORDS - index);
      boolean plain = page.storeWatchers().length == 0 && cells.immediate();
      for (int i = index; i < index + now; i++) {
        if (plain) {
          Page.WORD.setOpaque(page.words, i, value);
        } else {
          long before = (long) Page.WORD.getAndSet(page.words, i, value);
          cells.stored(page, at + 8L * (i - index), before, value, 8);
        }
        value += step;
      }
      done += now;
    }
  }

  @Override
  public int find64(long hpa, int count, long mask) {
    if (count < 0 || (hpa & 7) != 0) {
      throw VmmException.invalid(
          "cannot search %d words at 0x%x: expected a count of 0 or more and a multiple of 8",
          count, hpa);
    }
    if (count == 0) {
      return 0;
    }
    checkRun(hpa, 8L * count);
    for (int i = 0; i < count; i++) {
      if ((read64(hpa + 8L * i) & mask) != 0) {
        return i;
      }
    }
    return count;
  }

  @Override
  public long read(long hpa, int widthBytes) {
    checkWidth(hpa, widthBytes);
    long word = (long) Page.WORD.getOpaque(loading(hpa & -8, 8), Cells.index(hpa));
    return widthBytes == 8 ? word : (word >>> Cells.shift(hpa)) & Cells.mask(widthBytes);
  }

  @Override
  public void write(long hpa, int widthBytes, long value) {
    checkWidth(hpa, widthBytes);
    if (widthBytes == 8) {
      write64(hpa, value);
      return;
    }
    check(hpa, widthBytes);
    cells.replace(cells.page(hpa), hpa, Cells.mask(widthBytes), value, widthBytes);
  }

  @Override
  public void readBytes(long hpa, byte[] target, int offset, int length) {
    java.util.Objects.checkFromIndexSize(offset, length, target.length);
    if (length == 0) {
      return;
    }
    checkRun(hpa, length);
    for (int done = 0; done < length; ) {
      long at = hpa + done;
      int now = Math.min(length - done, (int) PAGE_BYTES - Cells.offset(at));
      Page page = cells.find(at);
      if (page == null) {
        Arrays.fill(target, offset + done, offset + done + now, (byte) 0);
      } else {
        page.loading(Cells.index(at), Cells.index(at + now - 1));
        Bytes.get(page.words, Cells.offset(at), target, offset + done, now);
      }
      done += now;
    }
  }

  @Override
  public void writeBytes(long hpa, byte[] source, int offset, int length) {
    java.util.Objects.checkFromIndexSize(offset, length, source.length);
    if (length == 0) {
      return;
    }
    checkRun(hpa, length);
    Bytes.forEachWord(
        hpa,
        source,
        offset,
        length,
        (at, mask, bits) -> cells.replaceWord(cells.page(at), at, mask, bits, 0));
  }

  @Override
  public long allocate(long lengthBytes, long alignmentBytes) {
    checkAnswering();
    if (injector.on(Operation.ALLOCATE) != Effect.NONE) {
      throw new VmmException(
          Errno.ENOMEM,
          String.format("no 0x%x bytes are free: this allocation was made to fail", lengthBytes));
    }
    long hpa = allocator.allocate(lengthBytes, alignmentBytes);
    // What a unit sees of it stays as it was freed until these stores are flushed.
    cells.allocated(hpa, lengthBytes);
    return hpa;
  }

  @Override
  public void free(long hpa, long lengthBytes) {
    checkAnswering();
    if (lengthBytes > 0) {
      AddressRange run = new AddressRange(hpa, lengthBytes);
      freeListeners.forEach(listener -> listener.freed(run));
    }
    // PageAllocator locks itself: nobody is given the run before it is scribbled over.
    synchronized (allocator) {
      allocator.free(hpa, lengthBytes);
      cells.freed(hpa, lengthBytes, POISON);
    }
  }

  @Override
  public long allocatedBytes() {
    return allocator.allocatedBytes();
  }

  @Override
  public void flushCache(long hpa, long lengthBytes) {
    if (lengthBytes == 0) {
      return;
    }
    checkRun(hpa, lengthBytes);
    cells.flush(hpa, lengthBytes);
  }

  /** Has every later access, allocation and release fail with EIO: the machine was given up. */
  public void retire() {
    answering = List.of();
  }

  // The hardware's side.

  /** Says whether all of these bytes are RAM, in one range. */
  public boolean isRam(long hpa, long lengthBytes) {
    for (AddressRange range : answering) {
      long offset = hpa - range.start();
      if (Long.compareUnsigned(offset, range.lengthBytes()) < 0) {
        return Long.compareUnsigned(lengthBytes, range.lengthBytes() - offset) <= 0;
      }
    }
    return false;
  }

  /** Reads a word of a table as a unit does, which may be older than what the processor sees. */
  public long unitRead64(long hpa) {
    check(hpa, 8);
    Page page = cells.find(hpa);
    return page == null ? 0 : (long) Page.WORD.getAcquire(page.seen, Cells.index(hpa));
  }

  /**
   * Says whether {@link #unitRead64} may read there what is from before this memory was allocated:
   * units do not snoop, and nobody has flushed what the processor stored since, a zero included.
   */
  public boolean isStale(long hpa) {
    Page page = cells.find(hpa);
    return page != null && page.isStale(Cells.index(hpa));
  }

  /** Reads a word as a device does: caches are snooped. */
  public long deviceRead64(long hpa) {
    check(hpa, 8);
    Page page = cells.find(hpa);
    return page == null ? 0 : (long) Page.WORD.getAcquire(page.words, Cells.index(hpa));
  }

  /** Writes 1, 2, 4 or 8 bytes as a device does: processor and units see it at once. */
  public void deviceWrite(long hpa, int widthBytes, long value) {
    checkWidth(hpa, widthBytes);
    check(hpa, widthBytes);
    cells.deviceReplace(
        cells.page(hpa),
        hpa,
        Cells.mask(widthBytes) << Cells.shift(hpa),
        value << Cells.shift(hpa));
  }

  /** Reads bytes as a device does. */
  public void deviceRead(long hpa, byte[] target, int offset, int length) {
    java.util.Objects.checkFromIndexSize(offset, length, target.length);
    checkRun(hpa, Math.max(1, length));
    for (int done = 0; done < length; ) {
      long at = hpa + done;
      int now = Math.min(length - done, (int) PAGE_BYTES - Cells.offset(at));
      Page page = cells.find(at);
      if (page == null) {
        Arrays.fill(target, offset + done, offset + done + now, (byte) 0);
      } else {
        Bytes.get(page.words, Cells.offset(at), target, offset + done, now);
      }
      done += now;
    }
  }

  /** Writes bytes as a device does. */
  public void deviceWrite(long hpa, byte[] source, int offset, int length) {
    java.util.Objects.checkFromIndexSize(offset, length, source.length);
    checkRun(hpa, Math.max(1, length));
    Bytes.forEachWord(
        hpa,
        source,
        offset,
        length,
        (at, mask, bits) -> cells.deviceReplace(cells.page(at), at, mask, bits));
  }

  /** Lets units see what the write buffer holds. */
  public void drainWriteBuffer() {
    cells.drainWriteBuffer();
  }

  /** Has {@code watcher} told of every store of the processor to this page, once however often. */
  public void watchStores(long pageHpa, StoreWatcher watcher) {
    cells.page(pageHpa).watchStores(watcher);
  }

  /** Ends what {@link #watchStores} began. */
  public void unwatchStores(long pageHpa, StoreWatcher watcher) {
    cells.page(pageHpa).unwatchStores(watcher);
  }

  /**
   * Has {@code action} run before every load of this word by the processor: how lazy hardware
   * learns that somebody waits for it.
   */
  public void watchLoads(long wordHpa, Runnable action) {
    cells.page(wordHpa).watchLoads(Cells.index(wordHpa), action);
  }

  /** Ends what {@link #watchLoads} began with this very action. */
  public void unwatchLoads(long wordHpa, Runnable action) {
    cells.page(wordHpa).unwatchLoads(Cells.index(wordHpa), action);
  }

  /** Has {@code listener} told of all memory that is freed. */
  public void onFree(FreeListener listener) {
    freeListeners.add(listener);
  }

  private long[] loading(long hpa, int widthBytes) {
    check(hpa, widthBytes);
    Page page = cells.find(hpa);
    if (page == null) {
      return EMPTY;
    }
    page.loading(Cells.index(hpa), Cells.index(hpa));
    return page.words;
  }

  private void check(long hpa, int widthBytes) {
    if ((hpa & (widthBytes - 1)) != 0 || !isRam(hpa, widthBytes)) {
      checkAnswering();
      throw VmmException.invalid(
          "no RAM of %d bytes at 0x%x: expected a multiple of %d in %s",
          widthBytes, hpa, widthBytes, ram);
    }
  }

  private void checkRun(long hpa, long lengthBytes) {
    if (lengthBytes < 0 || !isRam(hpa, lengthBytes)) {
      checkAnswering();
      throw VmmException.invalid(
          "no RAM of 0x%x bytes at 0x%x: expected a range inside one of %s", lengthBytes, hpa, ram);
    }
  }

  private void checkAnswering() {
    if (answering.isEmpty()) {
      throw new VmmException(Errno.EIO, "memory does not answer: the machine was closed");
    }
  }

  private static void checkWidth(long hpa, int widthBytes) {
    if (widthBytes < 1 || widthBytes > 8 || Integer.bitCount(widthBytes) != 1) {
      throw VmmException.invalid(
          "cannot access %d bytes at 0x%x: expected 1, 2, 4 or 8", widthBytes, hpa);
    }
    if ((hpa & (widthBytes - 1)) != 0) {
      throw VmmException.invalid("cannot access 0x%x: expected a multiple of %d", hpa, widthBytes);
    }
  }
}
