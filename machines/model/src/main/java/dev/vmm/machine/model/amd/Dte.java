package dev.vmm.machine.model.amd;

/**
 * A device table entry: four words, as they were read. Source: 48882 rev 3, "Device Table Entry
 * Format".
 */
record Dte(long w0, long w1, long w2, long w3) {
  static final int BYTES = 32;
  static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  /** Bits 6:2, HAD (no such feature), PPR, GPRP, GIoV, GV (no such features), 63. */
  private static final long RESERVED0 = 0x7cL | 0x180L | (0xfL << 52) | (1L << 63);

  /** Bit 106; guest fields are ignored where GV is 0. */
  private static final long RESERVED1 = 1L << 42;

  /** Bits 183:180 and 187. */
  private static final long RESERVED2 = (0xfL << 52) | (1L << 59);

  boolean valid() {
    return (w0 & 1) != 0;
  }

  boolean translationValid() {
    return (w0 & 2) != 0;
  }

  int mode() {
    return (int) (w0 >>> 9) & 7;
  }

  long root() {
    return w0 & ADDRESS;
  }

  boolean mayRead() {
    return ((w0 >>> 61) & 1) != 0;
  }

  boolean mayWrite() {
    return ((w0 >>> 62) & 1) != 0;
  }

  boolean may(boolean write) {
    return write ? mayWrite() : mayRead();
  }

  int domainId() {
    return (int) w1 & 0xffff;
  }

  /** I: the device has a TLB of its own. */
  boolean deviceTlb() {
    return ((w1 >>> 32) & 1) != 0;
  }

  /** SE: only the first page fault is told. */
  boolean suppressMore() {
    return ((w1 >>> 33) & 1) != 0;
  }

  /** SA: no page fault is told. */
  boolean suppressAll() {
    return ((w1 >>> 34) & 1) != 0;
  }

  /** SD: page table reads do not snoop. */
  boolean snoopDisabled() {
    return ((w1 >>> 38) & 1) != 0;
  }

  boolean exclusion() {
    return ((w1 >>> 39) & 1) != 0;
  }

  boolean interruptValid() {
    return (w2 & 1) != 0;
  }

  int interruptTableLength() {
    return (int) (w2 >>> 1) & 0xf;
  }

  int interruptControl() {
    return (int) (w2 >>> 60) & 3;
  }

  long interruptTableRoot() {
    return w2 & 0x000f_ffff_ffff_ffc0L;
  }

  boolean walks() {
    return valid() && translationValid() && mode() != 0;
  }

  /** Says whether a DMA could go by these fields: a mixture of two such entries is harmful. */
  static boolean live(long w0) {
    return (w0 & 3) == 3 && ((w0 >>> 61) & 3) != 0;
  }

  boolean reservedBits() {
    return ((w0 & RESERVED0) | (w1 & RESERVED1)) != 0;
  }

  boolean reservedInterruptBits() {
    return (w2 & RESERVED2) != 0 || w3 != 0;
  }
}
