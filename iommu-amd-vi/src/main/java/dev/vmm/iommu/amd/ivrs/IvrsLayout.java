package dev.vmm.iommu.amd.ivrs;

import dev.vmm.Message;
import dev.vmm.acpi.decode.TableFormat;

/**
 * The numbers of the table's format. Source: AMD 48882 rev 3.x, "I/O Virtualization ACPI Table".
 */
final class IvrsLayout {
  /** The blocks begin after the ACPI header, IVinfo and 8 reserved bytes. */
  static final TableFormat FORMAT =
      new TableFormat("IVRS", 48, 1, IvrsLayout::fixedBytes, IvrsLayout::kind);

  static final int IVINFO = 36;

  static final int IVHD_10H = 0x10;
  static final int IVHD_11H = 0x11;
  static final int IVHD_40H = 0x40;
  static final int IVMD_ALL = 0x20;
  static final int IVMD_SELECT = 0x21;
  static final int IVMD_RANGE = 0x22;

  /** What every device entry has: type, DeviceID and DTE setting. */
  static final int ENTRY_HEADER = 4;

  /** A device entry of type F0h without its UID. */
  static final int ACPI_HID_HEADER = 22;

  static final int ACPI_HID_UID_LENGTH = 21;

  /** The first type of a device entry whose length does not follow from its type. */
  static final int FIRST_VARIABLE_ENTRY = 0xf0;

  static final int LAST_ID = 0xffff;

  /** The registers of a unit without performance counters; also how its base is aligned. */
  static final int REGISTER_BYTES = 0x4000;

  /** The registers of a unit with performance counters; also how its base is aligned. */
  static final int REGISTER_BYTES_WITH_COUNTERS = 0x8_0000;

  private IvrsLayout() {}

  static boolean isIvhd(int type) {
    return type == IVHD_10H || type == IVHD_11H || type == IVHD_40H;
  }

  static boolean isIvmd(int type) {
    return type == IVMD_ALL || type == IVMD_SELECT || type == IVMD_RANGE;
  }

  /** Returns the bytes before the device entries, or of the whole block; 4 for an unknown type. */
  static int fixedBytes(int type) {
    return switch (type) {
      case IVHD_10H -> 24;
      case IVHD_11H, IVHD_40H -> 40;
      case IVMD_ALL, IVMD_SELECT, IVMD_RANGE -> 32;
      default -> TableFormat.HEADER_BYTES;
    };
  }

  /** Returns the book's short name of a block with its type. */
  static String kind(int type) {
    return switch (type) {
      case IVHD_10H -> "IVHD 10h";
      case IVHD_11H -> "IVHD 11h";
      case IVHD_40H -> "IVHD 40h";
      case IVMD_ALL -> "IVMD 20h";
      case IVMD_SELECT -> "IVMD 21h";
      case IVMD_RANGE -> "IVMD 22h";
      default -> Message.format("unknown type 0x%x", type);
    };
  }
}
