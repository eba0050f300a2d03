package dev.vmm.iommu.intel.dmar;

import java.util.List;

/**
 * The root ports that take address translation requests.
 *
 * <p>Source: VT-d r4.1, "Root Port ATS Capability Reporting Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param allPorts whether ALL_PORTS is set: every root port of the segment does
 * @param segment the PCI segment, 0 to 65535
 * @param scopes the root ports, in the table's order
 */
public record Atsr(
    int offset, int lengthBytes, boolean allPorts, int segment, List<DeviceScope> scopes)
    implements DmarStructure {
  /** Copies the list. */
  public Atsr {
    scopes = List.copyOf(scopes);
  }

  @Override
  public String kind() {
    return "ATSR";
  }
}
