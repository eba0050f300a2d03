package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.ByteReader;
import dev.vmm.iommu.inspect.FieldReport;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import java.util.function.LongFunction;

/**
 * The fields of the table, of each kind of structure, and of a device scope, as a reader sees them;
 * those that a truncated structure does not hold are left out.
 */
final class FieldTable {
  private static final String[] TABLE_FLAGS = {
    "INTR_REMAP", "X2APIC_OPT_OUT", "DMA_CTRL_PLATFORM_OPT_IN_FLAG"
  };
  private static final String[] DRHD_FLAGS = {"INCLUDE_PCI_ALL"};
  private static final String[] ATSR_FLAGS = {"ALL_PORTS"};
  private static final String[] SATC_FLAGS = {"ATC_REQUIRED"};
  private static final String[] SIDP_SCOPE_FLAGS = {
    "REQ_WO_PASID_NESTED_NOTALLOWED",
    "REQ_WO_PASID_PWSNP_NOTALLOWED",
    "REQ_WO_PASID_PGSNP_NOTALLOWED",
    "ATC_HARDENED",
    "ATC_REQUIRED"
  };
  private static final String[] NO_FLAGS = {};

  private final ByteReader reader;
  private final List<FieldReport> fields = new ArrayList<>();

  /** The end of the last field that was decoded. */
  private int decoded;

  private FieldTable(ByteReader reader) {
    this.reader = reader;
  }

  /** Returns the ACPI header and what the DMAR adds to it. */
  static List<FieldReport> header(ByteReader reader) {
    return new FieldTable(reader)
        .text("Signature", 0, 4)
        .number("Length", 4, 4)
        .number("Revision", 8, 1)
        .number("Checksum", 9, 1)
        .text("OEMID", 10, 6)
        .text("OEM Table ID", 16, 8)
        .number("OEM Revision", 24, 4)
        .text("Creator ID", 28, 4)
        .number("Creator Revision", 32, 4)
        .number(
            "Host Address Width",
            DmarLayout.HOST_ADDRESS_WIDTH,
            1,
            value -> (value + 1) + " bits of DMA physical address")
        .flags("Flags", DmarLayout.FLAGS, TABLE_FLAGS)
        .reserved(38, 10)
        .fields;
  }

  /** Returns the fields of a structure before its scopes. */
  static List<FieldReport> structure(int type, ByteReader reader) {
    FieldTable table =
        new FieldTable(reader)
            .number("Type", 0, 2, value -> DmarLayout.kind((int) value))
            .number("Length", 2, 2, value -> value + " bytes");
    int length = reader.lengthBytes();
    switch (type) {
      case DmarLayout.DRHD ->
          table
              .flags("Flags", 4, DRHD_FLAGS)
              .number("Size", 5, 1, FieldTable::registerBytes)
              .segment()
              .number("Register Base Address", 8, 8);
      case DmarLayout.RMRR ->
          table
              .reserved(4, 2)
              .segment()
              .number("Reserved Memory Region Base Address", 8, 8)
              .number("Reserved Memory Region Limit Address", 16, 8, value -> "inclusive");
      case DmarLayout.ATSR -> table.flags("Flags", 4, ATSR_FLAGS).reserved(5, 1).segment();
      case DmarLayout.RHSA ->
          table
              .reserved(4, 4)
              .number("Register Base Address", 8, 8)
              .number("Proximity Domain", 16, 4)
              .rest(20, length);
      case DmarLayout.ANDD ->
          table
              .reserved(4, 3)
              .number("ACPI Device Number", 7, 1)
              .text("ACPI Object Name", 8, length - 8);
      case DmarLayout.SATC -> table.flags("Flags", 4, SATC_FLAGS).reserved(5, 1).segment();
      case DmarLayout.SIDP -> table.reserved(4, 2).segment();
      default -> table.rest(DmarLayout.STRUCTURE_HEADER, length);
    }
    if (length < DmarLayout.fixedBytes(type)) {
      table.truncated(length);
    }
    return table.fields;
  }

  /**
   * Returns the fields of a device scope.
   *
   * @param structure the type of the structure that it is in, which decides what its flags mean
   * @param reader all its bytes, at least a scope's header
   */
  static List<FieldReport> scope(int structure, ByteReader reader) {
    DeviceScope scope = StructureParser.scope(reader);
    FieldTable table =
        new FieldTable(reader)
            .number("Type", 0, 1, value -> scope.type().label())
            .number("Length", 1, 1, value -> value + " bytes")
            .flags("Flags", 2, structure == DmarLayout.SIDP ? SIDP_SCOPE_FLAGS : NO_FLAGS)
            .reserved(3, 1)
            .number("Enumeration ID", 4, 1, value -> enumerationId(scope))
            .number("Start Bus Number", 5, 1);
    int path = reader.lengthBytes() - DmarLayout.SCOPE_HEADER;
    if (path > 0) {
      StringJoiner hops = new StringJoiner(" ");
      for (DeviceScope.Path hop : scope.path()) {
        hops.add(hop.toString());
      }
      table.fields.add(bytes("Path", reader, DmarLayout.SCOPE_HEADER, path, hops.toString()));
    }
    return table.fields;
  }

  /** Returns a field of bytes. */
  static FieldReport bytes(String name, ByteReader reader, int offset, int length, String meaning) {
    return new FieldReport(
        name, DmarLayout.hex(reader, offset, length), meaning, reader.tableOffset(offset));
  }

  private static String registerBytes(long size) {
    String bytes = String.format("0x%x bytes of registers", 4096L << (size & 0xf));
    return (size & 0xf0) == 0 ? bytes : bytes + String.format(", RSVD[7:4]=0x%x", size >>> 4);
  }

  private static String enumerationId(DeviceScope scope) {
    return switch (scope.type()) {
      case IOAPIC -> "I/O APIC id";
      case MSI_CAPABLE_HPET -> "HPET number";
      case ACPI_NAMESPACE_DEVICE -> "ACPI device number";
      default -> "";
    };
  }

  private boolean holds(int offset, int length) {
    return length > 0 && offset + length <= reader.lengthBytes();
  }

  private FieldTable number(String name, int offset, int width) {
    return number(name, offset, width, value -> "");
  }

  private FieldTable number(String name, int offset, int width, LongFunction<String> meaning) {
    if (holds(offset, width)) {
      long value =
          switch (width) {
            case 1 -> reader.u8(offset);
            case 2 -> reader.u16(offset);
            case 4 -> reader.u32(offset);
            default -> reader.u64(offset);
          };
      add(
          FieldReport.of(name, value, meaning.apply(value)).at(reader.tableOffset(offset)),
          offset + width);
    }
    return this;
  }

  private FieldTable segment() {
    return number("Segment Number", 6, 2);
  }

  private FieldTable flags(String name, int offset, String[] names) {
    return number(name, offset, 1, value -> describe(value, names));
  }

  private static String describe(long value, String[] names) {
    StringJoiner text = new StringJoiner(" ");
    for (int bit = 0; bit < names.length; bit++) {
      if ((value >>> bit & 1) != 0) {
        text.add(names[bit]);
      }
    }
    long reserved = value >>> names.length;
    if (reserved != 0) {
      text.add(String.format("RSVD[7:%d]=0x%x", names.length, reserved));
    }
    return text.toString();
  }

  private FieldTable text(String name, int offset, int length) {
    if (holds(offset, length)) {
      String text = DmarLayout.text(reader.slice(offset, length), 0);
      add(bytes(name, reader, offset, length, '"' + text + '"'), offset + length);
    }
    return this;
  }

  private FieldTable reserved(int offset, int length) {
    if (holds(offset, length)) {
      boolean zero = true;
      for (int i = 0; i < length; i++) {
        zero &= reader.u8(offset + i) == 0;
      }
      add(bytes("Reserved", reader, offset, length, zero ? "" : "not 0"), offset + length);
    }
    return this;
  }

  private FieldTable rest(int offset, int end) {
    if (holds(offset, end - offset)) {
      add(bytes("Undecoded", reader, offset, end - offset, ""), end);
    }
    return this;
  }

  /** Adds the bytes after the last whole field. */
  private void truncated(int length) {
    if (decoded < length) {
      fields.add(bytes("Undecoded", reader, decoded, length - decoded, "truncated"));
    }
  }

  private void add(FieldReport field, int end) {
    fields.add(field);
    decoded = end;
  }
}
