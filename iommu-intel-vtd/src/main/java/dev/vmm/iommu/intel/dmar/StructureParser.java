package dev.vmm.iommu.intel.dmar;

import dev.vmm.VmmException;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.TableText;
import java.util.ArrayList;
import java.util.List;

/** Decodes one structure whose length was checked; strict about the scopes inside. */
final class StructureParser {
  private StructureParser() {}

  /**
   * Decodes a structure.
   *
   * @param reader all its bytes, at least {@link DmarLayout#fixedBytes} of them
   * @throws VmmException EINVAL if a scope is too short or ends past the structure
   */
  static DmarStructure parse(int type, ByteReader reader) {
    return structure(
        type,
        reader,
        DmarLayout.hasScopes(type)
            ? scopes(reader, DmarLayout.fixedBytes(type), DmarLayout.kind(type))
            : List.of());
  }

  /** Decodes a structure whose scopes were decoded, of a kind that has some. */
  static DmarStructure structure(int type, ByteReader reader, List<DeviceScope> scopes) {
    int offset = reader.tableOffset(0);
    int length = reader.lengthBytes();
    return switch (type) {
      case DmarLayout.DRHD ->
          new Drhd(
              offset,
              length,
              (reader.u8(4) & 1) != 0,
              DmarLayout.PAGE_BYTES << (reader.u8(5) & 0xf),
              reader.u16(6),
              reader.u64(8),
              scopes);
      case DmarLayout.RMRR ->
          new Rmrr(offset, length, reader.u16(6), reader.u64(8), reader.u64(16), scopes);
      case DmarLayout.ATSR ->
          new Atsr(offset, length, (reader.u8(4) & 1) != 0, reader.u16(6), scopes);
      case DmarLayout.RHSA -> new Rhsa(offset, length, reader.u64(8), reader.u32(16));
      case DmarLayout.ANDD -> new Andd(offset, length, reader.u8(7), TableText.text(reader, 8));
      case DmarLayout.SATC ->
          new Satc(offset, length, (reader.u8(4) & 1) != 0, reader.u16(6), scopes);
      case DmarLayout.SIDP -> new Sidp(offset, length, reader.u16(6), scopes);
      default -> new UnknownStructure(offset, length, type, TableText.hex(reader, 0, length));
    };
  }

  private static List<DeviceScope> scopes(ByteReader reader, int from, String kind) {
    List<DeviceScope> scopes = new ArrayList<>();
    int end = reader.lengthBytes();
    int at = from;
    while (at < end) {
      if (end - at < DmarLayout.SCOPE_HEADER) {
        throw VmmException.invalid(
            "%s %s at offset 0x%x has %d bytes left at offset 0x%x: expected a device scope of at least %d;"
                + " the firmware's table is damaged",
            reader.name(),
            kind,
            reader.tableOffset(0),
            end - at,
            reader.tableOffset(at),
            DmarLayout.SCOPE_HEADER);
      }
      int length = reader.u8(at + 1);
      if (length < DmarLayout.SCOPE_HEADER || length > end - at) {
        throw VmmException.invalid(
            "%s device scope at offset 0x%x of the %s at offset 0x%x says that it is %d bytes long: expected %d to %d;"
                + " the firmware's table is damaged",
            reader.name(),
            reader.tableOffset(at),
            kind,
            reader.tableOffset(0),
            length,
            DmarLayout.SCOPE_HEADER,
            Math.min(end - at, 255));
      }
      scopes.add(scope(reader.slice(at, length)));
      at += length;
    }
    return scopes;
  }

  /** Decodes a scope whose length was checked; half a hop at its end is left out. */
  static DeviceScope scope(ByteReader reader) {
    List<DeviceScope.Path> path = new ArrayList<>();
    for (int at = DmarLayout.SCOPE_HEADER; at + 1 < reader.lengthBytes(); at += 2) {
      path.add(new DeviceScope.Path(reader.u8(at), reader.u8(at + 1)));
    }
    return new DeviceScope(
        reader.tableOffset(0),
        reader.lengthBytes(),
        reader.u8(0),
        reader.u8(2),
        reader.u8(4),
        reader.u8(5),
        path);
  }
}
