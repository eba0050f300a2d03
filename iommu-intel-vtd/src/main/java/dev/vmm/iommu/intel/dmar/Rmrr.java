package dev.vmm.iommu.intel.dmar;

import dev.vmm.AddressRange;
import dev.vmm.acpi.decode.ReservedPages;
import java.util.List;
import java.util.Optional;

/**
 * A range of memory that firmware says the devices in its scope go on using.
 *
 * <p>Source: VT-d r4.1, "Reserved Memory Region Reporting Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param segment the PCI segment, 0 to 65535
 * @param baseHpa the first address, as the table says
 * @param limitHpa the last address, inclusive, as the table says
 * @param scopes the device scopes, in the table's order
 */
public record Rmrr(
    int offset, int lengthBytes, int segment, long baseHpa, long limitHpa, List<DeviceScope> scopes)
    implements DmarStructure {
  /** Copies the list. */
  public Rmrr {
    scopes = List.copyOf(scopes);
  }

  /**
   * Returns the pages of 4 KiB that the region touches, as {@link ReservedPages#of}; empty if its
   * limit lies below its base.
   */
  public Optional<AddressRange> pages() {
    return ReservedPages.of(baseHpa, limitHpa);
  }

  @Override
  public String kind() {
    return "RMRR";
  }
}
