package dev.vmm.iommu.intel.dmar;

import java.util.List;

/**
 * One remapping hardware unit.
 *
 * <p>Source: VT-d r4.1, "DMA Remapping Hardware Unit Definition Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param includeAll whether INCLUDE_PCI_ALL is set: the unit takes every function of the segment
 *     that no other unit's scope names
 * @param registerBytes the size of the register set: 4096 shifted left by the Size field, 4 KiB to
 *     128 MiB
 * @param segment the PCI segment, 0 to 65535
 * @param registerBaseHpa where the registers are, as the table says: not checked, see {@link
 *     DmarTable#problems()}
 * @param scopes the device scopes, in the table's order
 */
public record Drhd(
    int offset,
    int lengthBytes,
    boolean includeAll,
    int registerBytes,
    int segment,
    long registerBaseHpa,
    List<DeviceScope> scopes)
    implements DmarStructure {
  /** Copies the list. */
  public Drhd {
    scopes = List.copyOf(scopes);
  }

  @Override
  public String kind() {
    return "DRHD";
  }
}
