package dev.vmm.tck.broken;

import dev.vmm.machine.RegisterBlock;

/** Registers of a VT-d unit, some of whose requests are lost, late, changed or not waited for. */
final class BrokenRegisters implements RegisterBlock {
  private static final long ECAP = 0x10;
  private static final long GCMD = 0x18;
  private static final long CCMD = 0x28;
  private static final long WBF = 1 << 27;

  /** ICC of CCMD and IVT of IOTLB: a request, until it is done. */
  private static final long BUSY = 1L << 63;

  private final RegisterBlock registers;
  private final Bug bug;
  private final long iotlb;

  /** What reads of a register are answered with instead of asking the unit; 0 if they ask it. */
  private long ccmdAnswer;

  private long iotlbAnswer;

  /** A request that the unit was not given yet; 0 if there is none. */
  private long late;

  BrokenRegisters(RegisterBlock registers, Bug bug) {
    this.registers = registers;
    this.bug = bug;
    iotlb = (registers.read64(ECAP) >>> 8 & 0x3ff) * 16 + 8;
  }

  @Override
  public long baseHpa() {
    return registers.baseHpa();
  }

  @Override
  public long lengthBytes() {
    return registers.lengthBytes();
  }

  @Override
  public long read(long offset, int widthBytes) {
    if (offset == CCMD && ccmdAnswer != 0) {
      return ccmdAnswer;
    }
    if (offset == iotlb && iotlbAnswer != 0) {
      return iotlbAnswer;
    }
    giveLate();
    return registers.read(offset, widthBytes);
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    giveLate();
    if (offset == CCMD) {
      context(value);
    } else if (offset == iotlb) {
      translations(value);
    } else if (offset == GCMD && bug == Bug.COMMAND_DROPS_WHAT_IS_ON && (value & WBF) != 0) {
      registers.write(offset, widthBytes, WBF);
    } else {
      registers.write(offset, widthBytes, value);
    }
  }

  private void context(long request) {
    boolean lost = bug == Bug.MOVE_WITHOUT_CONTEXT_FLUSH;
    ccmdAnswer = lost ? request & ~BUSY | (request & 3L << 61) >>> 2 : 0;
    if (!lost) {
      registers.write64(CCMD, request);
    }
  }

  private void translations(long request) {
    boolean ofDomain = (request >>> 60 & 3) == 2;
    long done = request & ~BUSY | (request & 3L << 60) >>> 3;
    iotlbAnswer = 0;
    if (ofDomain && bug == Bug.UNMAP_WITHOUT_FLUSH) {
      iotlbAnswer = done;
    } else if (ofDomain && bug == Bug.FREED_BEFORE_THE_FLUSH) {
      iotlbAnswer = done;
      late = request;
    } else if (ofDomain && bug == Bug.FLUSH_OF_ANOTHER_DOMAIN) {
      registers.write64(iotlb, request ^ 4L << 32);
    } else {
      iotlbAnswer = bug == Bug.FLUSH_NOT_WAITED_FOR ? done : 0;
      registers.write64(iotlb, request);
    }
  }

  private void giveLate() {
    if (late != 0) {
      long request = late;
      late = 0;
      registers.write64(iotlb, request);
      for (int i = 0; i < 100 && registers.read64(iotlb) < 0; i++) {
        Thread.onSpinWait();
      }
    }
  }
}
