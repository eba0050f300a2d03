package dev.vmm.iommu.amd.ivrs;

import static dev.vmm.iommu.amd.ivrs.DeviceEntry.describe;

import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.FieldTable;
import dev.vmm.acpi.decode.TableFormat;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.pci.Rid;
import java.util.List;

/** The fields of the table, of each kind of block, and of a device entry, for a reader. */
final class IvrsFields {
  private IvrsFields() {}

  /** Returns the ACPI header and what the IVRS adds to it. */
  static List<FieldReport> header(ByteReader reader) {
    return new FieldTable(reader)
        .acpiHeader()
        .number("IVinfo", IvrsLayout.IVINFO, 4, IvrsFields::ivInfo)
        .reserved(40, 8)
        .fields();
  }

  private static String ivInfo(long raw) {
    IvInfo info = new IvInfo(raw);
    return describe(IvInfo.LAYOUT, raw)
        + ": physical "
        + info.paSize()
        + " bits, virtual "
        + info.vaSize()
        + " bits";
  }

  /** Returns the fields of a block before its device entries. */
  static FieldTable block(int type, ByteReader reader) {
    FieldTable table = new FieldTable(reader).number("Type", 0, 1, value -> kind(value));
    if (IvrsLayout.isIvhd(type)) {
      ivhd(type, table);
    } else if (IvrsLayout.isIvmd(type)) {
      ivmd(type, table);
    } else {
      length(table.number("Flags", 1, 1)).rest(TableFormat.HEADER_BYTES);
    }
    return table.truncatedBelow(IvrsLayout.fixedBytes(type));
  }

  private static String kind(long type) {
    return IvrsLayout.kind((int) type);
  }

  private static FieldTable length(FieldTable table) {
    return table.number("Length", 2, 2, value -> value + " bytes");
  }

  private static void ivhd(int type, FieldTable table) {
    table.number("Flags", 1, 1, value -> describe(Ivhd.flagsLayout(type), value));
    length(table)
        .number("DeviceID", 4, 2, IvrsFields::id)
        .number("Capability Offset", 6, 2)
        .number("IOMMU Base Address", 8, 8)
        .number("PCI Segment Group", 16, 2)
        .number("IOMMU Info", 18, 2, value -> describe(Ivhd.INFO, value))
        .number(
            type == IvrsLayout.IVHD_10H ? "IOMMU Feature Reporting" : "IOMMU Attributes",
            20,
            4,
            value -> describe(Ivhd.featuresLayout(type), value));
    if (type != IvrsLayout.IVHD_10H) {
      table.number("EFR Register Image", 24, 8).number("EFR2 Register Image", 32, 8);
    }
  }

  private static void ivmd(int type, FieldTable table) {
    length(table.flags("Flags", 1, Ivmd.FLAGS))
        .number("DeviceID", 4, 2, type == IvrsLayout.IVMD_ALL ? value -> "" : IvrsFields::id)
        .number(
            "Auxiliary Data",
            6,
            2,
            type == IvrsLayout.IVMD_RANGE ? value -> "last DeviceID " + id(value) : value -> "")
        .number("PCI Segment Group", 8, 2)
        .reserved(10, 6)
        .number("Start Address", 16, 8)
        .number("Memory Block Length", 24, 8, value -> "bytes")
        .rest(32);
  }

  /**
   * Returns the fields of a device entry.
   *
   * @param reader all its bytes
   */
  static List<FieldReport> entry(ByteReader reader) {
    DeviceEntry entry = BlockParser.entry(reader);
    FieldTable table =
        new FieldTable(reader).number("Type", 0, 1, value -> DeviceEntry.label((int) value));
    switch (entry.type()) {
      case PAD4, PAD8 -> table.reserved(1, reader.lengthBytes() - 1);
      case ALL -> setting(table.reserved(1, 2));
      case SELECT, RANGE_START -> setting(deviceId(table));
      case RANGE_END -> deviceId(table).reserved(3, 1);
      case ALIAS_SELECT, ALIAS_RANGE_START ->
          setting(deviceId(table))
              .reserved(4, 1)
              .number("Source DeviceID", 5, 2, IvrsFields::id)
              .reserved(7, 1);
      case EXTENDED_SELECT, EXTENDED_RANGE_START ->
          setting(deviceId(table))
              .number("Extended DTE Setting", 4, 4, value -> describe(DteSettings.EXTENDED, value));
      case SPECIAL ->
          setting(table.reserved(1, 2))
              .number("Handle", 4, 1, value -> handle(entry))
              .number("Source DeviceID", 5, 2, IvrsFields::id)
              .number("Variety", 7, 1, value -> variety(entry));
      case ACPI_HID ->
          setting(deviceId(table))
              .text("ACPI HID", 4, 8)
              .text("ACPI CID", 12, 8)
              .number("UID Format", 20, 1, IvrsFields::uidFormat)
              .number("UID Length", 21, 1, value -> value + " bytes")
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
    return table.number("DeviceID", 1, 2, IvrsFields::id);
  }

  private static FieldTable setting(FieldTable table) {
    return table.number("DTE Setting", 3, 1, value -> describe(DteSettings.LAYOUT, value));
  }

  /** Returns the bus, device and function; the segment is the block's. */
  private static String id(long value) {
    return Rid.of(0, (int) value).toString().substring("0000:".length());
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
