package dev.vmm.iommu.intel.dmar;

/**
 * The proximity domain of a unit.
 *
 * <p>Source: VT-d r4.1, "Remapping Hardware Static Affinity Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param registerBaseHpa the register base of the unit that is meant
 * @param proximityDomain as in the SRAT, 0 to 2^32 - 1
 */
public record Rhsa(int offset, int lengthBytes, long registerBaseHpa, long proximityDomain)
    implements DmarStructure {
  @Override
  public String kind() {
    return "RHSA";
  }
}
