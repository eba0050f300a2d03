package dev.vmm.machine.model.amd;

/**
 * An entry of the command buffer. Source: 48882 rev 3, "Commands".
 *
 * @param low bytes 0 to 7: the opcode in 63:60
 * @param high bytes 8 to 15
 */
record Command(long low, long high) {
  static final int BYTES = 16;

  static final int COMPLETION_WAIT = 1;
  static final int INVALIDATE_DEVTAB_ENTRY = 2;
  static final int INVALIDATE_IOMMU_PAGES = 3;
  static final int INVALIDATE_IOTLB_PAGES = 4;
  static final int INVALIDATE_INTERRUPT_TABLE = 5;
  static final int PREFETCH_IOMMU_PAGES = 6;
  static final int INVALIDATE_IOMMU_ALL = 8;

  private static final long OPCODE = 0xfL << 60;
  private static final long ADDRESS = -4096L;
  private static final long STORE_ADDRESS = 0x000f_ffff_ffff_fff8L;

  int opcode() {
    return (int) (low >>> 60);
  }

  /** Says whether a unit of this configuration knows the opcode. */
  boolean known(AmdViConfig config) {
    return switch (opcode()) {
      case COMPLETION_WAIT,
          INVALIDATE_DEVTAB_ENTRY,
          INVALIDATE_IOMMU_PAGES,
          INVALIDATE_INTERRUPT_TABLE ->
          true;
      case INVALIDATE_IOTLB_PAGES -> config.deviceTlbs();
      case PREFETCH_IOMMU_PAGES -> config.prefetch();
      case INVALIDATE_IOMMU_ALL -> config.invalidateAll();
      default -> false;
    };
  }

  /** Says whether a bit is set that the opcode reserves, GN and PASID without guests included. */
  boolean reservedBits() {
    long usedLow =
        switch (opcode()) {
          case COMPLETION_WAIT -> STORE_ADDRESS | 7;
          case INVALIDATE_DEVTAB_ENTRY, INVALIDATE_INTERRUPT_TABLE -> 0xffffL;
          case INVALIDATE_IOMMU_PAGES -> 0xffffL << 32;
          // Device id, Maxpend, queue id.
          case INVALIDATE_IOTLB_PAGES -> 0xffff_ff00_ffffL;
          // Device id, PFCount.
          case PREFETCH_IOMMU_PAGES -> 0xff00_ffffL;
          default -> 0;
        };
    long usedHigh =
        switch (opcode()) {
          case COMPLETION_WAIT -> -1L;
          case INVALIDATE_IOMMU_PAGES -> ADDRESS | 3;
          case INVALIDATE_IOTLB_PAGES -> ADDRESS | 1;
          // S, Inval.
          case PREFETCH_IOMMU_PAGES -> ADDRESS | 0x11;
          default -> 0;
        };
    return ((low & ~(usedLow | OPCODE)) | (high & ~usedHigh)) != 0;
  }

  /** S of COMPLETION_WAIT: store the data. */
  boolean stores() {
    return opcode() == COMPLETION_WAIT && (low & 1) != 0;
  }

  /** I of COMPLETION_WAIT: signal an interrupt. */
  boolean interrupts() {
    return (low & 2) != 0;
  }

  /** F of COMPLETION_WAIT: no command after it begins before it is done. */
  boolean holdsBack() {
    return opcode() == COMPLETION_WAIT && (low & 4) != 0;
  }

  long storeHpa() {
    return low & STORE_ADDRESS;
  }

  int deviceId() {
    return (int) low & 0xffff;
  }

  int domainId() {
    return (int) (low >>> 32) & 0xffff;
  }

  /** PDE: directories go too. */
  boolean directories() {
    return (high & 2) != 0;
  }

  /** Inval of PREFETCH_IOMMU_PAGES. */
  boolean invalidatesFirst() {
    return (high & 0x10) != 0;
  }

  /** How many further pages PREFETCH_IOMMU_PAGES asks for. */
  int prefetchCount() {
    return (int) (low >>> 24) & 0xff;
  }

  /** Returns log2 of how many pages of 4 KiB are meant: with S the first 0 from bit 12 up tells. */
  int order() {
    return (high & 1) == 0 ? 0 : Math.min(52, Long.numberOfTrailingZeros(~(high >>> 12)) + 1);
  }

  long firstPage() {
    return (high >>> 12) & (-1L << order());
  }

  long lastPage() {
    return firstPage() + (1L << order()) - 1;
  }

  @Override
  public String toString() {
    return String.format("%016x %016x", low, high);
  }
}
