package dev.vmm.iommu.intel.dmar;

/**
 * A device that is in the ACPI name space and not on a PCI bus; scopes of type {@link
 * DeviceScope.Type#ACPI_NAMESPACE_DEVICE} refer to it by its number.
 *
 * <p>Source: VT-d r4.1, "ACPI Name-space Device Declaration Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the structure says
 * @param acpiDeviceNumber the number that scopes give as their enumeration id, 0 to 255
 * @param objectName the ACPI path, such as {@code \_SB.PCI0.I2C0}; bytes that are not printable
 *     ASCII appear as {@code ?}
 */
public record Andd(int offset, int lengthBytes, int acpiDeviceNumber, String objectName)
    implements DmarStructure {
  @Override
  public String kind() {
    return "ANDD";
  }
}
