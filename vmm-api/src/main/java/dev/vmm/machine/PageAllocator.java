package dev.vmm.machine;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Hands out page-aligned runs of an address range for implementations of {@link PhysicalMemory}.
 * Knows addresses only: zeroing is the caller's.
 *
 * <p>Single pages, which page tables take and free in bulk, cost a stack operation. Thread-safe.
 */
public final class PageAllocator {
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  /** Free runs: start to length, disjoint, never adjacent. */
  private final TreeMap<Long, Long> runs = new TreeMap<>(Long::compareUnsigned);

  /** Single pages that were freed, not merged into {@link #runs} yet. */
  private long[] freePages = new long[64];

  private int freePageCount;

  /** One bit for each allocated single page, by page number from {@link #base}. */
  private final BitSet singles = new BitSet();

  /** Allocated runs of more than a page: start to length. */
  private final Map<Long, Long> multiples = new HashMap<>();

  private final long base;
  private long allocatedBytes;

  /**
   * Manages these ranges.
   *
   * @param free page-aligned, disjoint, sorted; at least one; at most 2^43 bytes from first to last
   */
  public PageAllocator(List<AddressRange> free) {
    if (free.isEmpty()) {
      throw VmmException.invalid("page allocator: expected at least one free range");
    }
    base = free.get(0).start();
    for (AddressRange range : free) {
      if (((range.start() | range.lengthBytes()) & (PAGE - 1)) != 0) {
        throw VmmException.invalid(
            "page allocator: free range %s is not a multiple of 0x%x", range, PAGE);
      }
      addRun(range.start(), range.lengthBytes());
    }
  }

  /**
   * Takes a run.
   *
   * @throws VmmException ENOMEM if none of that length and alignment is free; EINVAL as for {@link
   *     PhysicalMemory#allocate}
   */
  public synchronized long allocate(long lengthBytes, long alignmentBytes) {
    if (lengthBytes <= 0 || lengthBytes % PAGE != 0) {
      throw VmmException.invalid(
          "cannot allocate 0x%x bytes: expected a positive multiple of 0x%x", lengthBytes, PAGE);
    }
    if (alignmentBytes < PAGE || Long.bitCount(alignmentBytes) != 1) {
      throw VmmException.invalid(
          "cannot allocate at an alignment of 0x%x: expected a power of two, at least 0x%x",
          alignmentBytes, PAGE);
    }
    boolean single = lengthBytes == PAGE && alignmentBytes == PAGE;
    long start;
    if (single && freePageCount > 0) {
      start = freePages[--freePageCount];
    } else {
      start = takeRun(lengthBytes, alignmentBytes);
    }
    if (lengthBytes == PAGE) {
      singles.set(pageNumber(start));
    } else {
      multiples.put(start, lengthBytes);
    }
    allocatedBytes += lengthBytes;
    return start;
  }

  /**
   * Gives back a whole run.
   *
   * @throws VmmException EINVAL if it is not an allocated run of that length
   */
  public synchronized void free(long start, long lengthBytes) {
    if (lengthBytes == PAGE) {
      long page = (start - base) / PAGE;
      if (Long.compareUnsigned(page, Integer.MAX_VALUE) >= 0
          || start % PAGE != 0
          || !singles.get((int) page)) {
        throw notAllocated(start, lengthBytes);
      }
      singles.clear((int) page);
      if (freePageCount == freePages.length) {
        freePages = Arrays.copyOf(freePages, freePageCount * 2);
      }
      freePages[freePageCount++] = start;
    } else {
      if (!multiples.remove(start, lengthBytes)) {
        throw notAllocated(start, lengthBytes);
      }
      addRun(start, lengthBytes);
    }
    allocatedBytes -= lengthBytes;
  }

  /** Returns the bytes that are allocated now. */
  public synchronized long allocatedBytes() {
    return allocatedBytes;
  }

  private long takeRun(long length, long alignment) {
    long start = findRun(length, alignment);
    if (start == -1 && freePageCount > 0) {
      mergeFreePages();
      start = findRun(length, alignment);
    }
    if (start == -1) {
      throw new VmmException(
          Errno.ENOMEM,
          String.format(
              "no 0x%x contiguous bytes at an alignment of 0x%x are free (0x%x bytes are allocated): free memory or use a"
                  + " machine with more",
              length, alignment, allocatedBytes));
    }
    Map.Entry<Long, Long> run = runs.floorEntry(start);
    long runStart = run.getKey();
    long runEnd = runStart + run.getValue();
    runs.remove(runStart);
    if (runStart != start) {
      runs.put(runStart, start - runStart);
    }
    if (start + length != runEnd) {
      runs.put(start + length, runEnd - start - length);
    }
    return start;
  }

  private long findRun(long length, long alignment) {
    for (Map.Entry<Long, Long> run : runs.entrySet()) {
      long start = (run.getKey() + alignment - 1) & -alignment;
      long lost = start - run.getKey();
      if (Long.compareUnsigned(lost, run.getValue()) < 0
          && Long.compareUnsigned(length, run.getValue() - lost) <= 0) {
        return start;
      }
    }
    return -1;
  }

  private void mergeFreePages() {
    for (int i = 0; i < freePageCount; i++) {
      addRun(freePages[i], PAGE);
    }
    freePageCount = 0;
  }

  private void addRun(long start, long length) {
    long newStart = start;
    long newEnd = start + length;
    Map.Entry<Long, Long> before = runs.lowerEntry(start);
    if (before != null && before.getKey() + before.getValue() == start) {
      newStart = before.getKey();
      runs.remove(newStart);
    }
    Long after = runs.remove(newEnd);
    if (after != null) {
      newEnd += after;
    }
    runs.put(newStart, newEnd - newStart);
  }

  private int pageNumber(long start) {
    return Math.toIntExact((start - base) / PAGE);
  }

  private static VmmException notAllocated(long start, long length) {
    return VmmException.invalid(
        "cannot free 0x%x bytes at 0x%x: no such run is allocated", length, start);
  }
}
