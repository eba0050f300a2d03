package dev.vmm.iommu.intel.fake;

import dev.vmm.machine.RegisterBlock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.LongConsumer;

/**
 * A VT-d unit as the book has it, written for itself without the driver's layouts: answers late,
 * caches all it sees, forgets only what it is told to, and notes every breach of the rules.
 */
public final class FakeVtdUnit implements RegisterBlock {
  /** QEMU's capabilities, with pages of 2 MiB and 1 GiB, 39 bits. */
  public static final long CAP = 0x00d2008c22260206L;

  /** QEMU's extended capabilities: queue, interrupt remapping; not coherent. */
  public static final long ECAP = 0xf00f4aL;

  private static final long TE = 1L << 31;
  private static final long SRTP = 1L << 30;
  private static final long WBF = 1L << 27;
  private static final long QIE = 1L << 26;
  private static final long IRE = 1L << 25;
  private static final long SIRTP = 1L << 24;
  private static final long LASTING = TE | 1L << 28 | QIE | 1L << 25 | 1L << 23;
  private static final long TOP = 1L << 63;

  private final long base;
  private final UnitMemory memory;
  private final Map<Long, Long> registers = new TreeMap<>();
  private final Map<Integer, long[]> contextCache = new HashMap<>();
  private final FakeTlb tlb;
  private final FakeRemapper remapper;

  /** What the driver did against the book. */
  public final List<String> violations = new ArrayList<>();

  /** The invalidations carried out, in words. */
  public final List<String> invalidations = new ArrayList<>();

  /** Every write as {@code offset=value} in hex. */
  public final List<String> writes = new ArrayList<>();

  /** How many reads of its register an answer takes. */
  public int lag = 2;

  /** Whether invalidations are never carried out. */
  public boolean hangInvalidations;

  /** Whether the unit is gone: every read gives all ones. */
  public boolean dead;

  /** Sees each command before it is carried out. */
  public LongConsumer onCommand = command -> {};

  /** Called with the offset of each register before it is read. */
  public LongConsumer onRead = offset -> {};

  /** Whether requests by registers are done without doing anything, and said to be. */
  public boolean refuseInvalidations;

  /** Runs when requests are put into the queue, before any is carried out. */
  public Runnable onRequests = () -> {};

  /** The status bits that never change. */
  public long stuckStatus;

  /** The queue error that the next descriptor raises; 0 for none. */
  public int queueError;

  /** VER_REG: the major version in bits 7:4. */
  public int version = 0x10;

  /** The offset of a register that no write reaches; -1 for none. */
  public long lostWrite = -1;

  /** Which write from now on is lost, whatever its register: 1 for the next, 0 for none. */
  public int loseNth;

  /** Whether IQA_REG reads what was taken over when the queue was last turned on. */
  public boolean showsLatchedQueue;

  /** How many reads there were. */
  public long reads;

  private final long cap;
  private final long ecap;
  private long status;
  private long wantedStatus;
  private int statusReads;
  private long latchedRoot;
  private long latchedQueue;
  private long pendingContext;
  private long pendingIotlb;
  private int invalidationReads;
  private int nextRecord;
  private boolean contextNotFenced;

  /** A unit at {@code base} with these capabilities. */
  public FakeVtdUnit(long base, UnitMemory memory, long cap, long ecap) {
    this.base = base;
    this.memory = memory;
    this.cap = cap;
    this.ecap = ecap;
    this.tlb = new FakeTlb(memory, cap, ecap);
    this.remapper =
        new FakeRemapper(
            memory, cap, ecap, (sourceId, record, reason) -> fault(sourceId, record, true, reason));
    registers.put(0x38L, 1L << 31);
  }

  /** Sets a register as firmware left it. */
  public void preset(long offset, long value) {
    if (offset == 0x1c) {
      status = value;
      wantedStatus = value;
    } else {
      registers.put(offset, value);
    }
  }

  /** Returns a register's value, without counting as a read. */
  public long peek(long offset) {
    return offset == 0x1c ? status : registers.getOrDefault(offset, 0L);
  }

  /** Returns the root table that the unit uses. */
  public long latchedRoot() {
    return latchedRoot;
  }

  @Override
  public long baseHpa() {
    return base;
  }

  @Override
  public long lengthBytes() {
    return 0x1000;
  }

  @Override
  public long read(long offset, int width) {
    onRead.accept(offset);
    reads++;
    checkWidth(offset, width);
    if (dead) {
      return width == 8 ? -1L : 0xffffffffL;
    }
    if (offset == 0x0) {
      return Integer.toUnsignedLong(version);
    } else if (offset == 0x8) {
      return cap;
    } else if (offset == 0x10) {
      return ecap;
    } else if (offset == 0x1c) {
      if (status != wantedStatus && ++statusReads >= lag) {
        status = (wantedStatus & ~stuckStatus) | (status & stuckStatus);
      }
      return status;
    } else if (offset == 0x28 && pendingContext != 0 && answers()) {
      context(pendingContext >>> 61 & 3, pendingContext & 0xffff, pendingContext >>> 16 & 0xffff);
      registers.put(
          0x28L,
          (pendingContext & ~TOP) | (refuseInvalidations ? 0 : (pendingContext >>> 61 & 3) << 59));
      pendingContext = 0;
    } else if (offset == iva() + 8 && pendingIotlb != 0 && answers()) {
      long address = peek(iva());
      checkDrain(true, pendingIotlb >>> 48);
      iotlb(pendingIotlb >>> 60 & 3, pendingIotlb >>> 32 & 0xffff, address);
      registers.put(
          iva() + 8,
          (pendingIotlb & ~TOP) | (refuseInvalidations ? 0 : (pendingIotlb >>> 60 & 3) << 57));
      pendingIotlb = 0;
    } else if (offset == 0x34 || offset == 0x80) {
      if (answers()) {
        runQueue();
      }
      if (offset == 0x34) {
        return faultStatus();
      }
    }
    return offset == 0x90 && showsLatchedQueue ? latchedQueue : peek(offset);
  }

  @Override
  public void write(long offset, int width, long value) {
    writes.add(Long.toHexString(offset) + "=" + Long.toHexString(value));
    checkWidth(offset, width);
    if (dead || offset == lostWrite || (loseNth > 0 && --loseNth == 0)) {
      return;
    }
    if (offset == 0x18) {
      onCommand.accept(value);
      command(value);
    } else if (offset == 0x28) {
      checkNoQueue(offset);
      checkNonePending();
      registers.put(offset, value);
      pendingContext = value;
      invalidationReads = 0;
    } else if (offset == iva() + 8) {
      checkNoQueue(offset);
      checkNonePending();
      registers.put(offset, value);
      pendingIotlb = value;
      invalidationReads = 0;
    } else if (offset == 0x34) {
      registers.put(offset, peek(offset) & ~(value & 0x7d));
    } else if (isRecordHigh(offset)) {
      registers.put(offset, peek(offset) & ~(value & TOP));
    } else if (offset == 0x64) {
      registers.put(offset, value & TOP >>> 32 | value >>> 31 & 1);
    } else if (offset == 0x88) {
      onRequests.run();
      registers.put(offset, value);
      invalidationReads = 0;
    } else {
      registers.put(offset, value);
    }
  }

  private void command(long value) {
    // One that got no answer in time may be given again.
    if (status != wantedStatus && value != (wantedStatus & LASTING)) {
      violations.add("command while one is not done: 0x" + Long.toHexString(value));
    }
    long changed = (value ^ status) & LASTING;
    long oneShots = value & ~LASTING;
    if (Long.bitCount(changed) + Long.bitCount(oneShots) > 1) {
      violations.add(
          String.format("command 0x%x changes more than one of status 0x%x", value, status));
    }
    wantedStatus = (status & ~LASTING) | (value & LASTING);
    if ((oneShots & SRTP) != 0) {
      latchedRoot = peek(0x20);
      wantedStatus |= SRTP;
    }
    if ((oneShots & SIRTP) != 0) {
      remapper.latch(peek(0xb8));
      wantedStatus |= SIRTP;
    }
    if ((changed & IRE & value) != 0 && (status & SIRTP) == 0) {
      violations.add("interrupt remapping turned on without a table");
    }
    if ((oneShots & WBF) != 0) {
      if ((cap & 1 << 4) == 0) {
        violations.add("write buffer flush on a unit without one");
      }
      invalidations.add("write buffer");
      status |= WBF;
      wantedStatus &= ~WBF;
    }
    if ((changed & QIE & value) != 0) {
      latchedQueue = peek(0x90);
      registers.put(0x80L, 0L);
      if (peek(0x88) != 0) {
        violations.add("queue turned on with a tail of " + peek(0x88));
      }
    }
    statusReads = 0;
  }

  private boolean answers() {
    return !hangInvalidations && ++invalidationReads >= lag;
  }

  private void runQueue() {
    if ((status & QIE) == 0 || (peek(0x34) & 0x10) != 0) {
      return;
    }
    long queue = peek(0x90) & ~0xfffL;
    for (long head = peek(0x80); head != peek(0x88); head = (head + 16) & 0xfff) {
      if (queueError != 0) {
        registers.put(0x34L, peek(0x34) | 0x10);
        registers.put(0xb0L, (long) queueError);
        return;
      }
      descriptor(memory.read64(queue + head), memory.read64(queue + head + 8));
      registers.put(0x80L, (head + 16) & 0xfff);
    }
  }

  private void descriptor(long low, long high) {
    // A unit may carry out what lies between two fences in any order.
    int type = (int) low & 0xf;
    if (type == 2 && contextNotFenced) {
      violations.add("translations invalidated beside context entries that would bring them back");
    }
    checkDrain(type == 2, low >>> 6);
    contextNotFenced = type == 1 || (contextNotFenced && (type != 5 || (low & 1 << 6) == 0));
    switch (type) {
      case 1 -> context(low >>> 4 & 3, low >>> 16 & 0xffff, low >>> 32 & 0xffff);
      case 2 -> iotlb(low >>> 4 & 3, low >>> 16 & 0xffff, high);
      case 4 -> interruptEntries((low & 1 << 4) != 0, low >>> 32 & 0xffff, (int) (low >>> 27) & 31);
      case 5 -> memory.write(high & ~3L, 4, low >>> 32);
      default -> violations.add("descriptor 0x" + Long.toHexString(low));
    }
  }

  private void context(long granularity, long domainId, long sourceId) {
    switch ((int) granularity) {
      case 1 -> {
        invalidations.add("context global");
        contextCache.clear();
      }
      case 2 -> {
        invalidations.add("context domain " + domainId);
        contextCache.values().removeIf(entry -> did(entry) == domainId);
      }
      case 3 -> {
        invalidations.add("context device " + domainId + " " + sourceId);
        contextCache
            .entrySet()
            .removeIf(entry -> entry.getKey() == sourceId && did(entry.getValue()) == domainId);
      }
      default -> violations.add("context invalidation without granularity");
    }
  }

  private void iotlb(long granularity, long domainId, long address) {
    switch ((int) granularity) {
      case 1 -> {
        invalidations.add("iotlb global");
        tlb.clear();
      }
      case 2 -> {
        invalidations.add("iotlb domain " + domainId);
        tlb.clearDomain(domainId);
      }
      case 3 -> {
        int mask = (int) address & 0x3f;
        boolean hint = (address & 0x40) != 0;
        long iova = address & ~0xfffL;
        if ((iova & ((1L << (mask + 12)) - 1)) != 0) {
          violations.add(String.format("pages at 0x%x not aligned to mask %d", iova, mask));
        }
        if ((cap & 1L << 39) == 0 || mask > (cap >>> 48 & 0x3f)) {
          violations.add("page-selective invalidation of mask " + mask);
        }
        invalidations.add(
            String.format("iotlb pages %d 0x%x %d%s", domainId, iova, mask, hint ? " hint" : ""));
        tlb.clearPages(domainId, iova, mask, hint);
      }
      default -> violations.add("iotlb invalidation without granularity");
    }
  }

  /** The entry's words if it is present in the tables, by the unit's view; nothing is cached. */
  public long[] entryInMemory(int sourceId) {
    boolean snoops = (ecap & 1) != 0;
    long root = memory.unitRead64(latchedRoot + 16L * (sourceId >>> 8), snoops);
    if ((root & 1) == 0) {
      return new long[] {0, 0};
    }
    if (memory.isFree(root & ~0xfffL)) {
      throw new AssertionError(
          "the unit reads a freed context table at 0x" + Long.toHexString(root));
    }
    long at = (root & ~0xfffL) + 16L * (sourceId & 0xff);
    return new long[] {memory.unitRead64(at, snoops), memory.unitRead64(at + 8, snoops)};
  }

  /**
   * A DMA of one word, as a device makes it.
   *
   * @return the hpa, or -1 if the unit refused; a fault is recorded then
   */
  public long dma(int sourceId, long iova, boolean write) {
    if ((status & TE) == 0) {
      return iova;
    }
    long[] entry = contextCache.get(sourceId);
    if (entry == null) {
      entry = entryInMemory(sourceId);
      boolean present = (entry[0] & 1) != 0;
      if (present || (cap & 1 << 7) != 0) {
        // Not-present entries are cached with domain id 0.
        contextCache.put(sourceId, present ? entry : new long[] {0, 0});
      }
    }
    if ((entry[0] & 1) == 0) {
      return fault(sourceId, iova, write, 2);
    }
    int levels = (int) (entry[1] & 7) + 2;
    if ((cap >>> 8 & 1 << (levels - 2)) == 0) {
      return fault(sourceId, iova, write, 3);
    }
    if (iova >>> ((cap >>> 16 & 0x3f) + 1) != 0) {
      return fault(sourceId, iova, write, 4);
    }
    long hpa = tlb.translate(did(entry), entry[0] & ~0xfffL, levels, iova, write);
    return hpa < 0 ? fault(sourceId, iova, write, write ? 5 : 6) : hpa;
  }

  private void interruptEntries(boolean selective, long index, int mask) {
    if (!selective) {
      invalidations.add("interrupts global");
      remapper.clear();
      return;
    }
    if (mask > (ecap >>> 20 & 15)) {
      violations.add("interrupt entries invalidated by a mask of " + mask);
    }
    invalidations.add(String.format("interrupts 0x%x %d", index, mask));
    remapper.clear(index, mask);
  }

  /**
   * A message, as a device sends it, in the format with remapping.
   *
   * @return the low word of the entry that let it pass, or -1 if the unit refused
   */
  public long interrupt(int sourceId, long address, int data) {
    if ((status & IRE) == 0) {
      throw new AssertionError("interrupts are not remapped");
    }
    return remapper.remap(sourceId, address, data);
  }

  /** Records a fault as the unit does, and returns -1. */
  public long fault(int sourceId, long iova, boolean write, int reason) {
    int count = (int) (cap >>> 40 & 0xff) + 1;
    long at = (cap >>> 24 & 0x3ff) * 16 + 16L * nextRecord;
    if ((peek(0x34) & 1) != 0 || peek(at + 8) < 0) {
      registers.put(0x34L, peek(0x34) | 1);
      return -1;
    }
    if (pendingRecords() == 0) {
      registers.put(0x34L, (peek(0x34) & ~0xff00L) | (long) nextRecord << 8);
    }
    registers.put(at, iova & ~0xfffL);
    registers.put(at + 8, TOP | (write ? 0 : 1L << 62) | (long) reason << 32 | sourceId);
    nextRecord = (nextRecord + 1) % count;
    return -1;
  }

  private long faultStatus() {
    return peek(0x34) & ~2L | (pendingRecords() != 0 ? 2 : 0);
  }

  private int pendingRecords() {
    int pending = 0;
    for (Map.Entry<Long, Long> register : registers.entrySet()) {
      pending += isRecordHigh(register.getKey()) && register.getValue() < 0 ? 1 : 0;
    }
    return pending;
  }

  private boolean isRecordHigh(long offset) {
    long first = (cap >>> 24 & 0x3ff) * 16;
    long end = first + 16 * ((cap >>> 40 & 0xff) + 1);
    return offset >= first && offset < end && offset % 16 == 8;
  }

  private long iva() {
    return (ecap >>> 8 & 0x3ff) * 16;
  }

  private void checkNoQueue(long offset) {
    if ((status & QIE) != 0) {
      violations.add(
          "register-based invalidation with the queue on: 0x" + Long.toHexString(offset));
    }
  }

  /** Writes and reads that the unit let through must have arrived, where it can say so. */
  private void checkDrain(boolean iotlb, long bits) {
    if (iotlb && (bits & 3) != (cap >>> 54 & 3)) {
      violations.add("translations invalidated without the drains that the unit has");
    }
  }

  private void checkNonePending() {
    if (pendingContext != 0 || pendingIotlb != 0) {
      violations.add("register-based invalidation while one is not done");
    }
  }

  private void checkWidth(long offset, int width) {
    boolean word =
        List.of(0L, 0x18L, 0x1cL, 0x34L, 0x38L, 0x3cL, 0x40L, 0x44L, 0x64L, 0x68L, 0x6cL, 0x9cL)
                .contains(offset)
            || (offset >= 0xa0 && offset < 0xb0);
    if (width != (word ? 4 : 8)) {
      violations.add(String.format("access of %d bytes at 0x%x", width, offset));
    }
  }

  private static long did(long[] entry) {
    return entry[1] >>> 8 & 0xffff;
  }
}
