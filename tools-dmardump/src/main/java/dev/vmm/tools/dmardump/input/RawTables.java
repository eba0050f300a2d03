package dev.vmm.tools.dmardump.input;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One ACPI table as it is in memory, or several one after another. Stateless. */
final class RawTables {
  private static final int SIGNATURE_BYTES = 4;
  private static final int MAX_TABLES = 4096;

  private RawTables() {}

  /** Says whether a signature comes first: capitals, digits and the signs that vendors use. */
  static boolean startsLikeTable(byte[] bytes) {
    return bytes.length >= SIGNATURE_BYTES && isSignature(bytes, 0);
  }

  /**
   * Reads tables.
   *
   * @throws dev.vmm.VmmException EINVAL if the first is damaged
   */
  static Input.Tables read(String name, byte[] bytes) {
    List<AcpiTable> tables = new ArrayList<>();
    Notes notes = new Notes();
    AcpiTable first = AcpiTable.of(bytes, name);
    tables.add(first);
    int at = first.lengthBytes();
    while (isTable(bytes, at) && tables.size() < MAX_TABLES) {
      int length = (int) new ByteReader(bytes, name).u32(at + 4);
      tables.add(
          AcpiTable.of(
              Arrays.copyOfRange(bytes, at, at + length),
              name + " at 0x" + Integer.toHexString(at)));
      at += length;
    }
    if (!isZero(bytes, at)) {
      notes.add(
          "%s: the 0x%x bytes from 0x%x on are no table and are left out",
          name, bytes.length - at, at);
    }
    return Inputs.tables(name, tables, tables.size() == 1, notes.list());
  }

  /** Says whether all of a table is at {@code at}. */
  static boolean isTable(byte[] bytes, int at) {
    if (bytes.length - at < AcpiTable.HEADER_BYTES || !isSignature(bytes, at)) {
      return false;
    }
    long length = new ByteReader(bytes, "").u32(at + 4);
    return length >= AcpiTable.HEADER_BYTES && length <= bytes.length - at;
  }

  private static boolean isSignature(byte[] bytes, int at) {
    for (int i = at; i < at + SIGNATURE_BYTES; i++) {
      byte b = bytes[i];
      boolean known =
          (b >= 'A' && b <= 'Z')
              || (b >= '0' && b <= '9')
              || b == '_'
              || ((b == '!' || b == '@' || b == '$' || b == '#' || b == ' ') && i > at);
      if (!known) {
        return false;
      }
    }
    return true;
  }

  private static boolean isZero(byte[] bytes, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}
