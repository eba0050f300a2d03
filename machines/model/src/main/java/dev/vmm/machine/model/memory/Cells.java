package dev.vmm.machine.model.memory;

import java.util.Arrays;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.jspecify.annotations.Nullable;

/**
 * The pages that exist, and what a store does besides storing: watchers are told, and units see it
 * at once, once its line was flushed, or once the write buffer was drained. Addresses are not
 * checked here. Thread-safe.
 */
final class Cells {
  private static final int PAGE_SHIFT = 12;
  private static final int PAGE_MASK = (1 << PAGE_SHIFT) - 1;
  private static final int LINE_BYTES = Page.WORDS_PER_LINE * 8;

  /** Pages of a run up to this long exist once it is allocated: memory for guests stays sparse. */
  private static final long LONGEST_MADE = 1 << 16;

  private final Visibility visibility;
  private final PageDirectory pages = new PageDirectory();
  private final ConcurrentLinkedQueue<Page> writeBuffer = new ConcurrentLinkedQueue<>();

  /** Starts without a page. */
  Cells(Visibility visibility) {
    this.visibility = visibility;
  }

  /** Says whether units see every store at once. */
  boolean immediate() {
    return visibility.immediate();
  }

  /** Returns the page of an address; null if nobody has stored to it. */
  @Nullable Page find(long hpa) {
    return pages.find(hpa >>> PAGE_SHIFT);
  }

  /** Returns the page of an address, and makes it if nobody has stored to it. */
  Page page(long hpa) {
    Page page = pages.find(hpa >>> PAGE_SHIFT);
    return page != null ? page : pages.get(hpa >>> PAGE_SHIFT, this::newPage);
  }

  private Page newPage() {
    return new Page(visibility.immediate());
  }

  /** Returns a page of which a unit sees rubbish, whoever had it before. */
  private Page staleOne() {
    Page page = newPage();
    Arrays.fill(page.seen, ModelMemory.POISON);
    return page;
  }

  /** Lets lines leave the processor's caches, if units do not look there. */
  void flush(long hpa, long lengthBytes) {
    if (visibility.snooped()) {
      return;
    }
    long first = hpa & -LINE_BYTES;
    long last = (hpa + lengthBytes - 1) & -LINE_BYTES;
    for (long line = first; line <= last; ) {
      Page page = find(line);
      if (page == null) {
        line = (line | PAGE_MASK) + 1;
      } else {
        leftCache(page, line);
        line += LINE_BYTES;
      }
    }
  }

  /** Lets units see what the write buffer holds. */
  void drainWriteBuffer() {
    for (Page page = writeBuffer.poll(); page != null; page = writeBuffer.poll()) {
      page.show(page.unbuffer());
    }
  }

  /** Stores 1, 2 or 4 bytes, whose mask and value are not shifted. */
  void replace(Page page, long hpa, long mask, long value, int widthBytes) {
    long word = hpa & -8;
    replaceWord(page, word, mask << shift(hpa), (value & mask) << shift(hpa), widthBytes);
  }

  /** Stores some bits of a word; a width of 0 says that they are part of more. */
  void replaceWord(Page page, long hpa, long mask, long bits, int widthBytes) {
    long before = Bytes.replace(page.words, index(hpa), mask, bits);
    stored(page, hpa, before, (before & ~mask) | bits, widthBytes);
  }

  /** Writes some bits of a word as a device does: everybody sees them at once. */
  void deviceReplace(Page page, long hpa, long mask, long bits) {
    Bytes.replace(page.words, index(hpa), mask, bits & mask);
    if (page.seen != page.words) {
      Bytes.replace(page.seen, index(hpa), mask, bits & mask);
    }
  }

  /** The processor stored to a word. */
  void stored(Page page, long hpa, long before, long after, int widthBytes) {
    if (visibility.snooped() && visibility.writeBuffered()) {
      leftCache(page, hpa);
    }
    for (StoreWatcher watcher : page.storeWatchers()) {
      watcher.stored(hpa, before, after, widthBytes);
    }
  }

  /** A line left the processor's caches. */
  private void leftCache(Page page, long hpa) {
    long line = 1L << (((int) hpa & PAGE_MASK) / LINE_BYTES);
    page.flushed(line);
    if (!visibility.writeBuffered()) {
      page.show(line);
    } else if (page.buffer(line)) {
      writeBuffer.add(page);
    }
  }

  /** Fills pages that exist and are given back, for everybody, without telling anybody. */
  void freed(long hpa, long lengthBytes, long value) {
    scribble(hpa, lengthBytes, value, true);
    pages.forEach(hpa >>> PAGE_SHIFT, (hpa + lengthBytes) >>> PAGE_SHIFT, Page::freed);
  }

  /** Fills pages that exist, without telling anybody. */
  private void scribble(long hpa, long lengthBytes, long value, boolean visible) {
    pages.forEach(
        hpa >>> PAGE_SHIFT,
        (hpa + lengthBytes) >>> PAGE_SHIFT,
        page -> {
          Arrays.fill(page.words, value);
          if (visible && page.seen != page.words) {
            Arrays.fill(page.seen, value);
          }
        });
  }

  /**
   * Zeroes pages that were allocated, as the processor does, without telling anybody. A unit that
   * does not snoop finds there what was before: of a short run rubbish, even if nobody has used it
   * yet.
   */
  void allocated(long hpa, long lengthBytes) {
    long first = hpa >>> PAGE_SHIFT;
    long end = (hpa + lengthBytes) >>> PAGE_SHIFT;
    if (!visibility.snooped()) {
      for (long page = first; page != end && lengthBytes <= LONGEST_MADE; page++) {
        pages.get(page, this::staleOne);
      }
      pages.forEach(first, end, Page::allocated);
    }
    scribble(hpa, lengthBytes, 0, visibility.immediate());
    if (visibility.snooped() && visibility.writeBuffered()) {
      // These stores have left the caches, too: the next drain shows them.
      pages.forEach(
          first,
          end,
          page -> {
            if (page.buffer(-1L)) {
              writeBuffer.add(page);
            }
          });
    }
  }

  /** Returns the offset of an address in its page. */
  static int offset(long hpa) {
    return (int) hpa & PAGE_MASK;
  }

  static int index(long hpa) {
    return ((int) hpa & PAGE_MASK) >>> 3;
  }

  static int shift(long hpa) {
    return ((int) hpa & 7) * 8;
  }

  static long mask(int widthBytes) {
    return widthBytes == 8 ? -1 : (1L << (widthBytes * 8)) - 1;
  }
}
