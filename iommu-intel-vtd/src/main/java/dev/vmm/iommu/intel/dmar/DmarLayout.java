package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.acpi.decode.TableFormat;

/** The numbers of the table's format. Source: VT-d r4.1, "BIOS Considerations". */
final class DmarLayout {
  /** The structures begin after the ACPI header and 12 bytes. */
  static final TableFormat FORMAT =
      new TableFormat("DMAR", 48, 2, DmarLayout::fixedBytes, DmarLayout::kind);

  static final int HOST_ADDRESS_WIDTH = 36;
  static final int FLAGS = 37;
  static final int FLAG_INTR_REMAP = 1;
  static final int FLAG_X2APIC_OPT_OUT = 1 << 1;
  static final int FLAG_DMA_CTRL_PLATFORM_OPT_IN = 1 << 2;

  static final int DRHD = 0;
  static final int RMRR = 1;
  static final int ATSR = 2;
  static final int RHSA = 3;
  static final int ANDD = 4;
  static final int SATC = 5;
  static final int SIDP = 6;

  /** A scope without its path. */
  static final int SCOPE_HEADER = 6;

  static final int PAGE_BYTES = 4096;

  private DmarLayout() {}

  /** Returns the bytes before the variable part; 4 for an unknown type. */
  static int fixedBytes(int type) {
    return switch (type) {
      case DRHD -> 16;
      case RMRR -> 24;
      case RHSA -> 20;
      case ATSR, ANDD, SATC, SIDP -> 8;
      default -> TableFormat.HEADER_BYTES;
    };
  }

  static boolean hasScopes(int type) {
    return switch (type) {
      case DRHD, RMRR, ATSR, SATC, SIDP -> true;
      default -> false;
    };
  }

  /** Returns the book's short name of a type. */
  static String kind(int type) {
    return switch (type) {
      case DRHD -> "DRHD";
      case RMRR -> "RMRR";
      case ATSR -> "ATSR";
      case RHSA -> "RHSA";
      case ANDD -> "ANDD";
      case SATC -> "SATC";
      case SIDP -> "SIDP";
      default -> Message.format("unknown type 0x%x", type);
    };
  }
}
