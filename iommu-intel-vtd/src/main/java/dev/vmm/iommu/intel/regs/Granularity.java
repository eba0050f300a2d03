package dev.vmm.iommu.intel.regs;

/**
 * How much an invalidation reaches: CIRG, IIRG and the G of descriptors. Source: VT-d r4.1,
 * "Context Command Register" and "IOTLB Invalidate Register".
 */
public enum Granularity {
  /** reserved code. */
  RESERVED(0, "reserved code"),
  /** global. */
  GLOBAL(1, "global"),
  /** one domain. */
  DOMAIN(2, "one domain"),
  /** one function of a domain, or pages of a domain. */
  SELECTIVE(3, "one function of a domain, or pages of a domain");

  private static final Granularity[] ALL = values();

  private final int code;
  private final String text;

  Granularity(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** Returns the book's code. */
  public int code() {
    return code;
  }

  /** Returns the book's meaning in words. */
  public String text() {
    return text;
  }

  /** Returns the meaning of a code; {@link #RESERVED} if the book gives it none. */
  public static Granularity of(int code) {
    for (Granularity value : ALL) {
      if (value.code == code) {
        return value;
      }
    }
    return RESERVED;
  }
}
