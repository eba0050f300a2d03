package dev.vmm.iommu.intel.dmar;

import java.util.List;

/**
 * Devices of the SoC with properties that their drivers must heed; the properties are the flags of
 * each scope.
 *
 * <p>Source: VT-d r4.1, "SoC Integrated Device Property Reporting Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param segment the PCI segment, 0 to 65535
 * @param scopes the devices, in the table's order
 */
public record Sidp(int offset, int lengthBytes, int segment, List<DeviceScope> scopes)
    implements DmarStructure {
  /** Copies the list. */
  public Sidp {
    scopes = List.copyOf(scopes);
  }

  @Override
  public String kind() {
    return "SIDP";
  }
}
