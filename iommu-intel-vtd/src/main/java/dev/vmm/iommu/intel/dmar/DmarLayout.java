package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.ByteReader;
import java.util.HexFormat;

/** The numbers of the table's format. Source: VT-d r4.1, "BIOS Considerations". */
final class DmarLayout {
  static final String SIGNATURE = "DMAR";

  /** Where the structures begin: the ACPI header and 12 bytes. */
  static final int STRUCTURES = 48;

  static final int HOST_ADDRESS_WIDTH = 36;
  static final int FLAGS = 37;
  static final int FLAG_INTR_REMAP = 1;
  static final int FLAG_X2APIC_OPT_OUT = 1 << 1;
  static final int FLAG_DMA_CTRL_PLATFORM_OPT_IN = 1 << 2;

  /** The type and the length that begin every structure. */
  static final int STRUCTURE_HEADER = 4;

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

  private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

  private DmarLayout() {}

  /** Returns the bytes before the variable part; 4 for an unknown type. */
  static int fixedBytes(int type) {
    return switch (type) {
      case DRHD -> 16;
      case RMRR -> 24;
      case RHSA -> 20;
      case ATSR, ANDD, SATC, SIDP -> 8;
      default -> STRUCTURE_HEADER;
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
      default -> String.format("unknown type 0x%x", type);
    };
  }

  /** Returns text up to the first NUL or the reader's end, what is not printable as {@code ?}. */
  static String text(ByteReader reader, int offset) {
    StringBuilder text = new StringBuilder();
    for (int i = offset; i < reader.lengthBytes(); i++) {
      int c = reader.u8(i);
      if (c == 0) {
        break;
      }
      text.append(c >= 0x20 && c <= 0x7e ? (char) c : '?');
    }
    return text.toString();
  }

  /** Returns bytes as two digits each. */
  static String hex(ByteReader reader, int offset, int length) {
    return HEX.formatHex(reader.bytes(offset, length));
  }
}
