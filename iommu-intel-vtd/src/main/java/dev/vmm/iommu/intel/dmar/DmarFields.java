package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.FieldTable;
import dev.vmm.acpi.decode.TableFormat;
import dev.vmm.iommu.inspect.FieldReport;
import java.util.List;

/** The fields of the table, of each kind of structure, and of a device scope, for a reader. */
final class DmarFields {
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

  private DmarFields() {}

  /** Returns the ACPI header and what the DMAR adds to it. */
  static List<FieldReport> header(ByteReader reader) {
    FieldTable table = new FieldTable(reader).acpiHeader();
    long width = table.value(DmarLayout.HOST_ADDRESS_WIDTH, 1) + 1;
    return table
        .number(
            "Host Address Width",
            DmarLayout.HOST_ADDRESS_WIDTH,
            1,
            width + " bits of DMA physical address")
        .flags("Flags", DmarLayout.FLAGS, TABLE_FLAGS)
        .reserved(38, 10)
        .fields();
  }

  /** Returns the fields of a structure before its scopes. */
  static FieldTable structure(int type, ByteReader reader) {
    FieldTable table =
        new FieldTable(reader).number("Type", 0, 2, DmarLayout.kind(type)).length(2, 2);
    switch (type) {
      case DmarLayout.DRHD ->
          segment(
                  table
                      .flags("Flags", 4, DRHD_FLAGS)
                      .number("Size", 5, 1, registerBytes(table.value(5, 1))))
              .number("Register Base Address", 8, 8);
      case DmarLayout.RMRR ->
          segment(table.reserved(4, 2))
              .number("Reserved Memory Region Base Address", 8, 8)
              .number("Reserved Memory Region Limit Address", 16, 8, "inclusive");
      case DmarLayout.ATSR -> segment(table.flags("Flags", 4, ATSR_FLAGS).reserved(5, 1));
      case DmarLayout.RHSA ->
          table
              .reserved(4, 4)
              .number("Register Base Address", 8, 8)
              .number("Proximity Domain", 16, 4)
              .rest(20);
      case DmarLayout.ANDD ->
          table
              .reserved(4, 3)
              .number("ACPI Device Number", 7, 1)
              .text("ACPI Object Name", 8, reader.lengthBytes() - 8);
      case DmarLayout.SATC -> segment(table.flags("Flags", 4, SATC_FLAGS).reserved(5, 1));
      case DmarLayout.SIDP -> segment(table.reserved(4, 2));
      default -> table.rest(TableFormat.HEADER_BYTES);
    }
    return table.truncatedBelow(DmarLayout.fixedBytes(type));
  }

  private static FieldTable segment(FieldTable table) {
    return table.number("Segment Number", 6, 2);
  }

  /**
   * Returns the fields of a device scope.
   *
   * @param structure the type of the structure that it is in, which decides what its flags mean
   * @param scope it, decoded
   * @param reader all its bytes, at least a scope's header
   */
  static List<FieldReport> scope(int structure, DeviceScope scope, ByteReader reader) {
    StringBuilder hops = new StringBuilder();
    for (DeviceScope.Path hop : scope.path()) {
      hops.append(hops.length() == 0 ? "" : " ").append(hop);
    }
    int path = DmarLayout.SCOPE_HEADER;
    return new FieldTable(reader)
        .number("Type", 0, 1, scope.type().label())
        .length(1, 1)
        .flags("Flags", 2, structure == DmarLayout.SIDP ? SIDP_SCOPE_FLAGS : NO_FLAGS)
        .reserved(3, 1)
        .number("Enumeration ID", 4, 1, enumerationId(scope))
        .number("Start Bus Number", 5, 1)
        .bytes("Path", path, reader.lengthBytes() - path, hops.toString())
        .fields();
  }

  private static String registerBytes(long size) {
    String bytes = "0x" + Long.toHexString(4096L << (size & 0xf)) + " bytes of registers";
    return (size & 0xf0) == 0 ? bytes : bytes + Message.format(", RSVD[7:4]=0x%x", size >>> 4);
  }

  private static String enumerationId(DeviceScope scope) {
    return switch (scope.type()) {
      case IOAPIC -> "I/O APIC id";
      case MSI_CAPABLE_HPET -> "HPET number";
      case ACPI_NAMESPACE_DEVICE -> "ACPI device number";
      default -> "";
    };
  }
}
