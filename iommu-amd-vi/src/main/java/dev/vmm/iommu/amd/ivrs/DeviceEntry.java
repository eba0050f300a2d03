package dev.vmm.iommu.amd.ivrs;

import dev.vmm.Message;
import java.util.Optional;

/**
 * One device entry of an IVHD.
 *
 * <p>Source: AMD 48882 rev 3.x, "IVHD Device Entries".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the type, or the entry, says
 * @param rawType the type as the table says, 0 to 255
 * @param deviceId the DeviceID, 0 to 65535; reserved in {@link Type#PAD4}, {@link Type#PAD8},
 *     {@link Type#ALL} and {@link Type#SPECIAL}
 * @param settings the DTE setting, and the extended one of an entry that has it
 * @param sourceId the DeviceID that the device's transactions carry, 0 to 65535: of an alias entry
 *     and of {@link Type#SPECIAL}, 0 in others
 * @param handle the I/O APIC id or HPET number of {@link Type#SPECIAL}, 0 to 255, 0 in others
 * @param variety what a {@link Type#SPECIAL} device is, 0 to 255, 0 in others
 * @param acpi the name of a {@link Type#ACPI_HID} device, empty in others
 */
public record DeviceEntry(
    int offset,
    int lengthBytes,
    int rawType,
    int deviceId,
    DteSettings settings,
    int sourceId,
    int handle,
    int variety,
    Optional<AcpiDeviceName> acpi) {
  /** The variety of an I/O APIC. */
  public static final int IOAPIC = 1;

  /** The variety of an HPET. */
  public static final int HPET = 2;

  /** What an entry says. */
  public enum Type {
    /** Nothing, in 4 bytes. */
    PAD4(0x00, "Pad"),
    /** All DeviceIDs. */
    ALL(0x01, "All"),
    /** One DeviceID. */
    SELECT(0x02, "Select"),
    /** The first DeviceID of a range. */
    RANGE_START(0x03, "Range start"),
    /** The last DeviceID of a range. */
    RANGE_END(0x04, "Range end"),
    /** Nothing, in 8 bytes. */
    PAD8(0x40, "Pad"),
    /** One DeviceID whose transactions carry another. */
    ALIAS_SELECT(0x42, "Alias select"),
    /** The first DeviceID of a range whose transactions carry another. */
    ALIAS_RANGE_START(0x43, "Alias range start"),
    /** One DeviceID with extended settings. */
    EXTENDED_SELECT(0x46, "Extended select"),
    /** The first DeviceID of a range with extended settings. */
    EXTENDED_RANGE_START(0x47, "Extended range start"),
    /** An I/O APIC or HPET. */
    SPECIAL(0x48, "Special device"),
    /** A device of the ACPI name space. */
    ACPI_HID(0xf0, "ACPI HID device"),
    /** A type that the book does not define. */
    UNKNOWN(-1, "Unknown");

    private final int code;
    private final String label;

    Type(int code, String label) {
      this.code = code;
      this.label = label;
    }

    /** Returns the type of this code, {@link #UNKNOWN} if the book has none. */
    public static Type of(int code) {
      return switch (code) {
        case 0x00 -> PAD4;
        case 0x01 -> ALL;
        case 0x02 -> SELECT;
        case 0x03 -> RANGE_START;
        case 0x04 -> RANGE_END;
        case 0x40 -> PAD8;
        case 0x42 -> ALIAS_SELECT;
        case 0x43 -> ALIAS_RANGE_START;
        case 0x46 -> EXTENDED_SELECT;
        case 0x47 -> EXTENDED_RANGE_START;
        case 0x48 -> SPECIAL;
        case 0xf0 -> ACPI_HID;
        default -> UNKNOWN;
      };
    }

    /** Returns the number in the table, -1 for {@link #UNKNOWN}. */
    public int code() {
      return code;
    }

    /** Returns what it is called. */
    public String label() {
      return label;
    }
  }

  /** Returns what it says. */
  public Type type() {
    return Type.of(rawType);
  }

  /** Says whether it is an alias entry. */
  public boolean isAlias() {
    return type() == Type.ALIAS_SELECT || type() == Type.ALIAS_RANGE_START;
  }

  /** Returns its name with the number of an unknown type. */
  static String label(int rawType) {
    Type type = Type.of(rawType);
    return type == Type.UNKNOWN ? Message.format("unknown entry type 0x%x", rawType) : type.label();
  }
}
