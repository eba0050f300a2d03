package dev.vmm.iommu.intel.regs;

/** What CAP_REG.ND says. Source: VT-d r4.1, "Capability Register". */
public enum NumDomains {
  /** 16 domains, 4-bit domain ids. */
  ND_0(0, 16),
  /** 64 domains, 6-bit domain ids. */
  ND_1(1, 64),
  /** 256 domains, 8-bit domain ids. */
  ND_2(2, 256),
  /** 1024 domains, 10-bit domain ids. */
  ND_3(3, 1024),
  /** 4096 domains, 12-bit domain ids. */
  ND_4(4, 4096),
  /** 16384 domains, 14-bit domain ids. */
  ND_5(5, 16384),
  /** 65536 domains, 16-bit domain ids. */
  ND_6(6, 65536),
  /** The reserved code: no domain id may be relied on. */
  RESERVED(7, 0);

  private static final NumDomains[] ALL = values();

  private final int code;
  private final int domains;

  NumDomains(int code, int domains) {
    this.code = code;
    this.domains = domains;
  }

  /** Returns the book's code, 0 to 7. */
  public int code() {
    return code;
  }

  /** Returns the number of domain ids, id 0 included; 0 for the reserved code. */
  public int domains() {
    return domains;
  }

  /** Returns the meaning of the three bits of ND. */
  public static NumDomains of(int nd) {
    return ALL[nd & 7];
  }
}
