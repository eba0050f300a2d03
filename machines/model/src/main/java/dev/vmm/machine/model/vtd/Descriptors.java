package dev.vmm.machine.model.vtd;

/** Invalidation descriptors of 128 bits. VT-d r4.1, "Invalidation Descriptors" of legacy mode. */
final class Descriptors {
  static final int CONTEXT = 1;
  static final int IOTLB = 2;
  static final int IEC = 4;
  static final int WAIT = 5;

  static final long IF = 1 << 4;
  static final long SW = 1 << 5;

  private static final long DW = 1 << 6;
  private static final long DR = 1 << 7;

  /** IQERCD.IQEI: no cause, invalid tail, fetch, type, reserved field, width. */
  static final int NO_CAUSE = 0;

  static final int TAIL = 1;
  static final int FETCH = 2;
  static final int TYPE = 3;
  static final int RESERVED = 4;

  /** ECAP.MHMV. */
  private static final int MHMV = 15;

  private Descriptors() {}

  static int type(long low) {
    return (int) ((low & 0xf) | ((low >>> 5) & 0x70));
  }

  static boolean waits(long low) {
    return type(low) == WAIT;
  }

  /** Returns where a wait descriptor writes its status. */
  static long statusAddress(long high) {
    return high & ~3L;
  }

  /** Returns the IQEI code of what is wrong with a descriptor, -1 if nothing is. */
  static int defect(VtdConfig config, long low, long high) {
    long reservedLow;
    long reservedHigh;
    int granularity = (int) (low >>> 4) & 3;
    switch (type(low)) {
      case CONTEXT -> {
        reservedLow = 0xfffc_0000_0000_f1c0L;
        reservedHigh = -1;
      }
      case IOTLB -> {
        reservedLow = 0xffff_ffff_0000_f100L;
        reservedHigh = 0xf80L;
      }
      case IEC -> {
        if (!config.ir()) {
          return TYPE;
        }
        reservedLow = 0xffff_0000_07ff_f1e0L;
        reservedHigh = -1;
        granularity = 1;
      }
      case WAIT -> {
        reservedLow = 0xffff_f180L;
        reservedHigh = 3;
        granularity = 1;
      }
      default -> {
        return TYPE;
      }
    }
    if ((low & reservedLow) != 0 || (high & reservedHigh) != 0) {
      return RESERVED;
    }
    if (type(low) == IEC && (low & 1 << 4) != 0 && (low >>> 27 & 0x1f) > MHMV) {
      return NO_CAUSE;
    }
    boolean pages = type(low) == IOTLB && granularity == 3;
    boolean unsupported = pages && (!config.psi() || (high & 0x3f) > config.mamv());
    return granularity == 0 || unsupported ? NO_CAUSE : -1;
  }

  /** Performs an invalidation descriptor that is well-formed. */
  static void perform(Chip chip, Invalidator invalidator, long low, long high) {
    int did = (int) (low >>> 16) & 0xffff;
    int granularity = (int) (low >>> 4) & 3;
    switch (type(low)) {
      case CONTEXT -> {
        switch (granularity) {
          case 1 -> invalidator.contextGlobal();
          case 2 -> invalidator.contextDomain(Domains.checked(chip, did, "a descriptor"));
          default ->
              invalidator.contextDevice(
                  Domains.checked(chip, did, "a descriptor"),
                  (int) (low >>> 32) & 0xffff,
                  (int) (low >>> 48) & 3);
        }
      }
      case IOTLB -> {
        boolean dr = (low & DR) != 0;
        boolean dw = (low & DW) != 0;
        switch (granularity) {
          case 1 -> invalidator.iotlbGlobal(dr, dw);
          case 2 -> invalidator.iotlbDomain(Domains.checked(chip, did, "a descriptor"), dr, dw);
          default ->
              invalidator.iotlbPages(
                  Domains.checked(chip, did, "a descriptor"),
                  high,
                  (int) high & 0x3f,
                  (high & 0x40) != 0,
                  dr,
                  dw);
        }
      }
      default -> {
        if ((low & 1 << 4) == 0) {
          invalidator.interruptGlobal();
        } else {
          invalidator.interruptEntries((int) (low >>> 32) & 0xffff, (int) (low >>> 27) & 0x1f);
        }
      }
    }
  }
}
