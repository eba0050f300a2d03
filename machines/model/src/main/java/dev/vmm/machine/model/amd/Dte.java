package dev.vmm.machine.model.amd;

/**
 * A device table entry: four words, as they were read. Source: 48882 rev 3, "Device Table Entry
 * Format".
 */
record Dte(long w0, long w1, long w2, long w3) {
  static final int BYTES = 32;
  static final long ADDRESS = 0x000f_ffff_ffff_f000L;

  /** Bits 6:2 and 63, and fields of absent features: HAD, PPR, GPRP, GIoV, GV, GLX, GCR3 TRP. */
  private static final long RESERVED0 = 0x7cL | 0x180L | (0x1ffL << 52) | (1L << 63);

  /** Bit 106, and GCR3 TRP in bits 95:80 and 127:107. */
  private static final long RESERVED1 = (0xffffL << 16) | (0x3fffffL << 42);

  /** Bits 183:180 and 187. */
  private static final long RESERVED2 = (0xfL << 52) | (1L << 59);

  /** What decides where a DMA goes: V, TV, Mode, root, IR, IW. */
  private static final long WAY = 3 | (7L << 9) | ADDRESS | (3L << 61);

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

  /** IoCtl: 00b port I/O is blocked, 01b passes, 10b is translated. */
  int portIoControl() {
    return (int) (w1 >>> 35) & 3;
  }

  /** SysMgt: 00b system management messages are blocked, 01b and 10b pass, 11b are translated. */
  int systemManagement() {
    return (int) (w1 >>> 40) & 3;
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

  /** IG: what the interrupt table stops is not told. */
  boolean ignoresUnmappedInterrupts() {
    return (w2 & 1 << 5) != 0;
  }

  boolean initPasses() {
    return (w2 >>> 56 & 1) != 0;
  }

  boolean extIntPasses() {
    return (w2 >>> 57 & 1) != 0;
  }

  boolean nmiPasses() {
    return (w2 >>> 58 & 1) != 0;
  }

  /** Bits 51:6. */
  long interruptTable() {
    return w2 & 0x000f_ffff_ffff_ffc0L;
  }

  long interruptTableBytes() {
    return (long) Irte.BYTES << interruptTableLength();
  }

  /** Says whether an interrupt table is looked at. */
  boolean remapsInterrupts() {
    return interruptValid()
        && interruptControl() == 0b10
        && !reservedInterruptBits()
        && interruptTableLength() <= InterruptRemapper.LONGEST_TABLE;
  }

  boolean walks() {
    return valid() && translationValid() && mode() != 0;
  }

  /**
   * Says whether a DMA could go by root and domain id together, so that a mixture of two entries is
   * harmful: not if the entry has no rights, or passes DMAs untranslated.
   */
  static boolean live(long w0) {
    return (w0 & 3) == 3 && ((w0 >>> 9) & 7) != 0 && ((w0 >>> 61) & 3) != 0;
  }

  /** Returns this entry with another word in place of one. */
  Dte with(int word, long value) {
    return new Dte(
        word == 0 ? value : w0,
        word == 1 ? value : w1,
        word == 2 ? value : w2,
        word == 3 ? value : w3);
  }

  /** Returns the bits of word 0 that decide where a DMA goes. */
  static long way(long w0) {
    return w0 & WAY;
  }

  boolean reservedBits() {
    return ((w0 & RESERVED0) | (w1 & RESERVED1)) != 0;
  }

  boolean reservedInterruptBits() {
    return (w2 & RESERVED2) != 0 || w3 != 0;
  }
}
