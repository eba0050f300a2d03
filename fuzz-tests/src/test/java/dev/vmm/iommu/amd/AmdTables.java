package dev.vmm.iommu.amd;

import dev.vmm.iommu.inspect.IommuInspector;

/** Reaches the reader of IVRS tables, which needs no back end that can be started. */
public final class AmdTables {
  private AmdTables() {}

  /** Returns the reader. */
  public static IommuInspector inspector() {
    return new AmdInspector();
  }
}
