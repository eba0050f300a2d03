package dev.vmm.iommu.amd.ivrs;

import dev.vmm.Message;
import dev.vmm.VmmException;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.TableText;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Decodes one block whose length was checked; strict about the device entries inside. */
final class BlockParser {
  private BlockParser() {}

  /**
   * Decodes a block.
   *
   * @param reader all its bytes, at least {@link IvrsLayout#fixedBytes} of them
   * @throws VmmException EINVAL if a device entry ends past the block, or its length is unknown
   */
  static IvrsBlock parse(int type, ByteReader reader) {
    return block(
        type,
        reader,
        IvrsLayout.isIvhd(type) ? entries(reader, IvrsLayout.fixedBytes(type)) : List.of());
  }

  /** Decodes a block whose device entries were decoded, of a kind that has some. */
  static IvrsBlock block(int type, ByteReader reader, List<DeviceEntry> entries) {
    int offset = reader.tableOffset(0);
    int length = reader.lengthBytes();
    if (IvrsLayout.isIvhd(type)) {
      boolean images = type != IvrsLayout.IVHD_10H;
      return new Ivhd(
          offset,
          length,
          type,
          reader.u8(1),
          reader.u16(4),
          reader.u16(6),
          reader.u64(8),
          reader.u16(16),
          reader.u16(18),
          reader.u32(20),
          images ? reader.u64(24) : 0,
          images ? reader.u64(32) : 0,
          entries);
    }
    if (IvrsLayout.isIvmd(type)) {
      return new Ivmd(
          offset,
          length,
          type,
          reader.u8(1),
          reader.u16(4),
          reader.u16(6),
          reader.u16(8),
          reader.u64(16),
          reader.u64(24));
    }
    return new UnknownBlock(offset, length, type, TableText.hex(reader, 0, length));
  }

  private static List<DeviceEntry> entries(ByteReader reader, int from) {
    List<DeviceEntry> entries = new ArrayList<>();
    int end = reader.lengthBytes();
    int at = from;
    while (at < end) {
      int length = entryBytes(reader, at);
      Optional<String> damage = damage(reader, at, length);
      if (damage.isPresent()) {
        throw VmmException.invalid(
            "%s %s at offset 0x%x: at offset 0x%x %s; the firmware's table is damaged",
            reader.name(),
            IvrsLayout.kind(reader.u8(0)),
            reader.tableOffset(0),
            reader.tableOffset(at),
            damage.get());
      }
      entries.add(entry(reader.slice(at, length)));
      at += length;
    }
    return entries;
  }

  /**
   * Returns the length of the device entry at an offset that lies inside the block: what its type
   * says, or the entry itself; 0 if nothing says it.
   */
  static int entryBytes(ByteReader reader, int at) {
    int type = reader.u8(at);
    if (type < IvrsLayout.FIRST_VARIABLE_ENTRY) {
      return IvrsLayout.ENTRY_HEADER << (type >>> 6);
    }
    if (type != DeviceEntry.Type.ACPI_HID.code()) {
      return 0;
    }
    return at + IvrsLayout.ACPI_HID_HEADER <= reader.lengthBytes()
        ? IvrsLayout.ACPI_HID_HEADER + reader.u8(at + IvrsLayout.ACPI_HID_UID_LENGTH)
        : IvrsLayout.ACPI_HID_HEADER;
  }

  /** Says why the entry of this length cannot be decoded, empty if it can. */
  static Optional<String> damage(ByteReader reader, int at, int length) {
    int left = reader.lengthBytes() - at;
    if (length > 0 && length <= left) {
      return Optional.empty();
    }
    String label = DeviceEntry.label(reader.u8(at));
    return Optional.of(
        length == 0
            ? label
                + ": nothing says how long it is; what follows it in the block cannot be decoded"
            : Message.format("%s of %d bytes: %d are left in the block", label, length, left));
  }

  /** Decodes an entry whose length was checked. */
  static DeviceEntry entry(ByteReader reader) {
    DeviceEntry.Type type = DeviceEntry.Type.of(reader.u8(0));
    boolean special = type == DeviceEntry.Type.SPECIAL;
    int source =
        switch (type) {
          case ALIAS_SELECT, ALIAS_RANGE_START, SPECIAL -> reader.u16(5);
          default -> 0;
        };
    long extended =
        switch (type) {
          case EXTENDED_SELECT, EXTENDED_RANGE_START -> reader.u32(4);
          default -> 0;
        };
    return new DeviceEntry(
        reader.tableOffset(0),
        reader.lengthBytes(),
        reader.u8(0),
        reader.u16(1),
        extended == 0 && reader.u8(3) == 0
            ? DteSettings.NONE
            : new DteSettings(reader.u8(3), extended),
        source,
        special ? reader.u8(4) : 0,
        special ? reader.u8(7) : 0,
        type == DeviceEntry.Type.ACPI_HID ? Optional.of(acpi(reader)) : Optional.empty());
  }

  private static AcpiDeviceName acpi(ByteReader reader) {
    int format = reader.u8(20);
    int length = reader.u8(IvrsLayout.ACPI_HID_UID_LENGTH);
    ByteReader uid = reader.slice(IvrsLayout.ACPI_HID_HEADER, length);
    return new AcpiDeviceName(
        TableText.text(reader.slice(4, 8), 0),
        TableText.text(reader.slice(12, 8), 0),
        format,
        length,
        length == 0 ? "" : uid(format, uid));
  }

  private static String uid(int format, ByteReader uid) {
    int length = uid.lengthBytes();
    if (format == AcpiDeviceName.UID_STRING) {
      return TableText.text(uid, 0);
    }
    if (format != AcpiDeviceName.UID_INTEGER || length > 8) {
      return TableText.hex(uid, 0, length);
    }
    long value = 0;
    for (int i = length - 1; i >= 0; i--) {
      value = value << 8 | uid.u8(i);
    }
    return "0x" + Long.toHexString(value);
  }
}
