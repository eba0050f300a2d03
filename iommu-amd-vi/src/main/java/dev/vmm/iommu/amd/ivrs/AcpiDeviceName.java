package dev.vmm.iommu.amd.ivrs;

/**
 * How a device entry of type F0h names a device that is in the ACPI name space and not on PCI.
 * Characters that are not printable ASCII appear as {@code ?}.
 *
 * <p>Source: AMD 48882 rev 3.x, "IVHD Device Entry Type F0h: ACPI HID Device Entry".
 *
 * @param hid the hardware id, up to 8 characters
 * @param cid the compatible id, up to 8 characters, empty if there is none
 * @param uidFormat what form the unique id has, 0 to 255; the book defines 0 to 2
 * @param uidBytes the length of the unique id, 0 to 255
 * @param uid the unique id: {@code 0x...} of an integer, the text of a string, hex bytes of a form
 *     that the book does not define; empty if there is none
 */
public record AcpiDeviceName(String hid, String cid, int uidFormat, int uidBytes, String uid) {
  /** There is no unique id. */
  public static final int UID_NONE = 0;

  /** The unique id is an integer, little-endian. */
  public static final int UID_INTEGER = 1;

  /** The unique id is a string. */
  public static final int UID_STRING = 2;

  /** Returns {@code HID}, and {@code UID} after a colon if there is one. */
  @Override
  public String toString() {
    return uid.isEmpty() ? hid : hid + ":" + uid;
  }
}
