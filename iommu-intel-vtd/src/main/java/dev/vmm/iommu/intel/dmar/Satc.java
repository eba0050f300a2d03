package dev.vmm.iommu.intel.dmar;

import java.util.List;

/**
 * Devices of the SoC that have an address translation cache.
 *
 * <p>Source: VT-d r4.1, "SoC Integrated Address Translation Cache Reporting Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param atcRequired whether ATC_REQUIRED is set: the devices need their cache to work
 * @param segment the PCI segment, 0 to 65535
 * @param scopes the devices, in the table's order
 */
public record Satc(
    int offset, int lengthBytes, boolean atcRequired, int segment, List<DeviceScope> scopes)
    implements DmarStructure {
  /** Copies the list. */
  public Satc {
    scopes = List.copyOf(scopes);
  }

  @Override
  public String kind() {
    return "SATC";
  }
}
