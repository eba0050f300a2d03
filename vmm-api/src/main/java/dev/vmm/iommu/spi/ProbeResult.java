package dev.vmm.iommu.spi;

/** What a back end found in a machine's firmware tables. */
public sealed interface ProbeResult {
  /** Returns one line for people. */
  String summary();

  /**
   * The machine has units that this back end can drive.
   *
   * @param units how many, at least 1
   * @param summary one line, such as {@code 1 VT-d unit at 0xfed90000}
   */
  record Present(int units, String summary) implements ProbeResult {}

  /**
   * The machine has none that this back end can drive.
   *
   * @param summary the reason, such as {@code no DMAR table}
   */
  record Absent(String summary) implements ProbeResult {}
}
