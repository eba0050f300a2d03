package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.FieldTable;
import dev.vmm.acpi.decode.TableFormat;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.pci.Rid;
import java.util.List;

/** The fields of the table, of each kind of block, and of a device entry, for a reader. */
final class IvrsFields {
  private static final String SOURCE = "Source DeviceID";

  private IvrsFields() {}

  /** Returns the ACPI header and what the IVRS adds to it. */
  static List<FieldReport> header(ByteReader reader) {
    FieldTable table = new FieldTable(reader).acpiHeader();
    return table
        .number("IVinfo", IvrsLayout.IVINFO, 4, ivInfo(table.value(IvrsLayout.IVINFO, 4)))
        .reserved(40, 8)
        .fields();
  }

  private static String ivInfo(long raw) {
    IvInfo info = new IvInfo(raw);
    return IvInfo.LAYOUT.fieldsSet(raw)
        + ": physical "
        + info.paSize()
        + " bits, virtual "
        + info.vaSize()
        + " bits";
  }

  /** Returns the fields of a block before its device entries. */
  static FieldTable block(int type, ByteReader reader) {
    FieldTable table = new FieldTable(reader).number("Type", 0, 1, IvrsLayout.kind(type));
    if (IvrsLayout.isIvhd(type)) {
      ivhd(type, table);
    } else if (IvrsLayout.isIvmd(type)) {
      ivmd(type, table);
    } else {
      table.number("Flags", 1, 1).length(2, 2).rest(TableFormat.HEADER_BYTES);
    }
    return table.truncatedBelow(IvrsLayout.fixedBytes(type));
  }

  private static void ivhd(int type, FieldTable table) {
    id(table.word("Flags", 1, 1, Ivhd.flagsLayout(type)).length(2, 2), "DeviceID", 4)
        .number("Capability Offset", 6, 2)
        .number("IOMMU Base Address", 8, 8)
        .number("PCI Segment Group", 16, 2)
        .word("IOMMU Info", 18, 2, Ivhd.INFO)
        .word(
            type == IvrsLayout.IVHD_10H ? "IOMMU Feature Reporting" : "IOMMU Attributes",
            20,
            4,
            Ivhd.featuresLayout(type));
    if (type != IvrsLayout.IVHD_10H) {
      table.number("EFR Register Image", 24, 8).number("EFR2 Register Image", 32, 8);
    }
  }

  private static void ivmd(int type, FieldTable table) {
    table.flags("Flags", 1, Ivmd.FLAGS).length(2, 2);
    (type == IvrsLayout.IVMD_ALL ? table.number("DeviceID", 4, 2) : id(table, "DeviceID", 4))
        .number(
            "Auxiliary Data",
            6,
            2,
            type == IvrsLayout.IVMD_RANGE
                ? "last DeviceID " + Rid.withoutSegment((int) table.value(6, 2))
                : "")
        .number("PCI Segment Group", 8, 2)
        .reserved(10, 6)
        .number("Start Address", 16, 8)
        .number("Memory Block Length", 24, 8, "bytes")
        .rest(32);
  }

  /**
   * Returns the fields of a device entry.
   *
   * @param entry it, decoded
   * @param reader all its bytes
   */
  static List<FieldReport> entry(DeviceEntry entry, ByteReader reader) {
    FieldTable table =
        new FieldTable(reader).number("Type", 0, 1, DeviceEntry.label(entry.rawType()));
    switch (entry.type()) {
      case PAD4, PAD8 -> table.reserved(1, reader.lengthBytes() - 1);
      case ALL -> setting(table.reserved(1, 2));
      case SELECT, RANGE_START -> setting(deviceId(table));
      case RANGE_END -> deviceId(table).reserved(3, 1);
      case ALIAS_SELECT, ALIAS_RANGE_START ->
          id(setting(deviceId(table)).reserved(4, 1), SOURCE, 5).reserved(7, 1);
      case EXTENDED_SELECT, EXTENDED_RANGE_START ->
          setting(deviceId(table)).word("Extended DTE Setting", 4, 4, DteSettings.EXTENDED);
      case SPECIAL ->
          id(setting(table.reserved(1, 2)).number("Handle", 4, 1, handle(entry)), SOURCE, 5)
              .number("Variety", 7, 1, variety(entry));
      case ACPI_HID ->
          setting(deviceId(table))
              .text("ACPI HID", 4, 8)
              .text("ACPI CID", 12, 8)
              .number("UID Format", 20, 1, uidFormat(table.value(20, 1)))
              .number("UID Length", 21, 1, table.value(21, 1) + " bytes")
              .bytes(
                  "UID",
                  IvrsLayout.ACPI_HID_HEADER,
                  reader.lengthBytes() - IvrsLayout.ACPI_HID_HEADER,
                  entry.acpi().map(AcpiDeviceName::uid).orElse(""));
      default -> table.rest(1);
    }
    return table.fields();
  }

  private static FieldTable deviceId(FieldTable table) {
    return id(table, "DeviceID", 1);
  }

  private static FieldTable setting(FieldTable table) {
    return table.word("DTE Setting", 3, 1, DteSettings.LAYOUT);
  }

  /** Adds a DeviceID: bus, device and function; the segment is the block's. */
  private static FieldTable id(FieldTable table, String name, int offset) {
    return table.number(name, offset, 2, Rid.withoutSegment((int) table.value(offset, 2)));
  }

  private static String handle(DeviceEntry entry) {
    return switch (entry.variety()) {
      case DeviceEntry.IOAPIC -> "I/O APIC id";
      case DeviceEntry.HPET -> "HPET number";
      default -> "";
    };
  }

  private static String variety(DeviceEntry entry) {
    return switch (entry.variety()) {
      case DeviceEntry.IOAPIC -> "IOAPIC";
      case DeviceEntry.HPET -> "HPET";
      default -> "unknown";
    };
  }

  private static String uidFormat(long format) {
    return switch ((int) format) {
      case AcpiDeviceName.UID_NONE -> "none";
      case AcpiDeviceName.UID_INTEGER -> "integer";
      case AcpiDeviceName.UID_STRING -> "string";
      default -> "unknown";
    };
  }
}
