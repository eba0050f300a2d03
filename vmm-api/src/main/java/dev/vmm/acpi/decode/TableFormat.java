package dev.vmm.acpi.decode;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntFunction;
import java.util.function.IntUnaryOperator;

/**
 * A table whose body is structures, each of which begins with its type and has its length in the
 * third and fourth byte.
 *
 * <p>Immutable and thread-safe.
 *
 * @param signature the table's four characters
 * @param structures the offset of the first structure
 * @param typeBytes the width of a structure's type, 1 or 2
 * @param fixedBytes of a type: the bytes before its variable part, at least {@link #HEADER_BYTES}
 * @param kind of a type: the book's short name
 */
public record TableFormat(
    String signature,
    int structures,
    int typeBytes,
    IntUnaryOperator fixedBytes,
    IntFunction<String> kind) {
  /** The bytes that begin every structure, type and length among them. */
  public static final int HEADER_BYTES = 4;

  /** Decodes one structure. */
  @FunctionalInterface
  public interface Parser<S> {
    /**
     * Decodes a structure.
     *
     * @param bytes all of it, at least the type's fixed bytes
     * @throws VmmException EINVAL, naming table and offset, if what is inside cannot be trusted
     */
    S parse(int type, ByteReader bytes);
  }

  /**
   * Decodes every structure of a table that a driver is to trust.
   *
   * @throws VmmException EINVAL, with the table's name and the offset, if the signature or the
   *     checksum is wrong, or a structure is too short for what it is or ends past the table
   */
  public <S> List<S> parse(AcpiTable table, Parser<S> parser) {
    ByteReader reader = trusted(table);
    List<S> parsed = new ArrayList<>();
    int end = reader.lengthBytes();
    int offset = structures;
    while (offset < end) {
      if (end - offset < HEADER_BYTES) {
        throw VmmException.invalid(
            "%s has %d bytes left at offset 0x%x: expected a structure of at least %d; the firmware's table is damaged",
            reader.name(), end - offset, offset, HEADER_BYTES);
      }
      int type = type(reader, offset);
      int length = length(reader, offset);
      int fixed = fixedBytes.applyAsInt(type);
      if (length < fixed || length > end - offset) {
        throw VmmException.invalid(
            "%s %s at offset 0x%x says that it is %d bytes long: expected %d to %d; the firmware's table is damaged",
            reader.name(), kind.apply(type), offset, length, fixed, end - offset);
      }
      parsed.add(parser.parse(type, reader.slice(offset, length)));
      offset += length;
    }
    return parsed;
  }

  private ByteReader trusted(AcpiTable table) {
    ByteReader reader = table.reader();
    if (!table.signature().equals(signature)) {
      throw VmmException.invalid(
          "ACPI table %s has the wrong signature at offset 0x0: expected %s; give the %s table",
          reader.name(), signature, signature);
    }
    if (table.lengthBytes() < structures) {
      throw VmmException.invalid(
          "%s says at offset 0x4 that it is %d bytes long: expected at least %d; the firmware's table is damaged",
          reader.name(), table.lengthBytes(), structures);
    }
    if (!table.checksumValid()) {
      throw VmmException.invalid(
          "%s has a wrong checksum at offset 0x9: expected its %d bytes to add up to 0; the firmware's table is damaged,"
              + " dmardump shows what it says",
          reader.name(), table.lengthBytes());
    }
    return reader;
  }

  int type(ByteReader reader, int offset) {
    return typeBytes == 1 ? reader.u8(offset) : reader.u16(offset);
  }

  int length(ByteReader reader, int offset) {
    return reader.u16(offset + 2);
  }
}
