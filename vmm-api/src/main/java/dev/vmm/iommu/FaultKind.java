package dev.vmm.iommu;

/** What kind of request a unit refused, or where it stopped. */
public enum FaultKind {
  /** A DMA that the page tables do not permit, or that could not be walked to its end. */
  DMA("DMA"),
  /** An interrupt message that interrupt remapping does not let through. */
  INTERRUPT("interrupt request"),
  /** What leads from the requester id to its page tables is missing, wrong or cannot be read. */
  ENTRY("device entry");

  private final String text;

  FaultKind(String text) {
    this.text = text;
  }

  /** Returns the kind in words. */
  public String text() {
    return text;
  }
}
