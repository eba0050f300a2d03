package dev.vmm.iommu.intel.regs;

/** What was asked for when a fault was recorded. Source: VT-d r4.1, "Fault Recording Registers". */
public enum FaultType {
  /** A write. */
  WRITE,
  /** A page request. */
  PAGE_REQUEST,
  /** A read. */
  READ,
  /** An AtomicOp: reads and writes. */
  ATOMIC;

  /** Returns the type by the two bits T1 and T2. */
  public static FaultType of(boolean t1, boolean t2) {
    if (t1) {
      return t2 ? ATOMIC : READ;
    }
    return t2 ? PAGE_REQUEST : WRITE;
  }

  /** Says whether the request wanted to write. */
  public boolean write() {
    return this == WRITE || this == ATOMIC;
  }
}
