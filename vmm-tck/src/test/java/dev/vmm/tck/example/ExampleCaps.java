package dev.vmm.tck.example;

/** What a unit can do: sections "Capability Register" and "Extended Capability Register". */
record ExampleCaps(long cap, long ecap) {
  /** CAP.SAGAW: bit 9 is 3 levels, bit 10 is 4. Returns 0 if neither. */
  int maxLevels() {
    return bit(cap, 10) ? 4 : bit(cap, 9) ? 3 : 0;
  }

  /** Returns the fewest levels that the unit walks and that reach {@code lastIova}. */
  int levelsFor(long lastIova) {
    return bit(cap, 9) && lastIova >>> 39 == 0 ? 3 : maxLevels();
  }

  /** CAP.MGAW is one less than the width of an address that the unit takes. */
  int iovaBits() {
    return Math.min((int) (cap >>> 16 & 0x3f) + 1, maxLevels() == 4 ? 48 : 39);
  }

  /** CAP.SLLPS: bit 34 is 2 MiB, bit 35 is 1 GiB. */
  long pageSizes() {
    return 1L << 12 | (bit(cap, 34) ? 1L << 21 : 0) | (bit(cap, 35) ? 1L << 30 : 0);
  }

  /** CAP.ND: 2^(4 + 2 * ND) domain ids. */
  int domainIds() {
    return 1 << Math.min(16, 4 + 2 * (int) (cap & 7));
  }

  /** CAP.CM: whether the unit also caches what is not present. */
  boolean cachesNotPresent() {
    return bit(cap, 7);
  }

  /** CAP.RWBF: whether the unit has a buffer of its own before memory. */
  boolean buffersWrites() {
    return bit(cap, 4);
  }

  /** CAP.DRD and DWD: what an invalidation is to ask for, so that DMA under way is done first. */
  long drain() {
    return (bit(cap, 55) ? 1L << 49 : 0) | (bit(cap, 54) ? 1L << 48 : 0);
  }

  /** ECAP.C: whether the unit snoops the CPU's caches when it reads tables. */
  boolean coherent() {
    return bit(ecap, 0);
  }

  /** ECAP.IRO: where the IOTLB register is, after IVA. */
  long iotlb() {
    return (ecap >>> 8 & 0x3ff) * 16 + 8;
  }

  /** CAP.FRO. */
  long firstFaultRecord() {
    return (cap >>> 24 & 0x3ff) * 16;
  }

  /** CAP.NFR. */
  int faultRecords() {
    return (int) (cap >>> 40 & 0xff) + 1;
  }

  long lastRegister() {
    return Math.max(iotlb() + 7, firstFaultRecord() + 16L * faultRecords() - 1);
  }

  private static boolean bit(long word, int bit) {
    return (word >>> bit & 1) != 0;
  }
}
