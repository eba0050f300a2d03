package dev.vmm.iommu.intel.regs;

/**
 * How much an invalidation reaches: CIRG, IIRG and the G of descriptors. Source: VT-d r4.1,
 * "Context Command Register" and "IOTLB Invalidate Register".
 */
public enum Granularity {
  /** Everything. */
  GLOBAL(1),
  /** One domain. */
  DOMAIN(2),
  /** One function of a domain, or pages of a domain. */
  SELECTIVE(3);

  private final int code;

  Granularity(int code) {
    this.code = code;
  }

  /** Returns the book's code. */
  public int code() {
    return code;
  }
}
