package dev.vmm.acpi.decode;

import dev.vmm.Message;
import dev.vmm.acpi.ByteReader;
import dev.vmm.bits.Hex;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.inspect.FieldReport;
import java.util.Arrays;
import java.util.List;

/**
 * Collects the fields of a table's header or of one structure, as a reader sees them; those that a
 * truncated structure does not hold are left out. Not thread-safe.
 */
public final class FieldTable {
  /** Reserved bytes are mostly these. */
  private static final String ZEROS = "00 ".repeat(16);

  private final ByteReader reader;
  private FieldReport[] fields = new FieldReport[8];
  private int count;

  /** The end of the last field that was decoded. */
  private int decoded;

  /** Collects fields of these bytes. */
  public FieldTable(ByteReader reader) {
    this.reader = reader;
  }

  /** Returns the fields that were added, in that order. */
  public List<FieldReport> fields() {
    return List.of(Arrays.copyOf(fields, count));
  }

  /** Returns a field of bytes. */
  public static FieldReport bytes(
      String name, ByteReader reader, int offset, int length, String meaning) {
    return new FieldReport(
        name, TableText.hex(reader, offset, length), meaning, reader.tableOffset(offset));
  }

  /** Adds the header that all ACPI tables have. */
  public FieldTable acpiHeader() {
    return text("Signature", 0, 4)
        .number("Length", 4, 4)
        .number("Revision", 8, 1)
        .number("Checksum", 9, 1)
        .text("OEMID", 10, 6)
        .text("OEM Table ID", 16, 8)
        .number("OEM Revision", 24, 4)
        .text("Creator ID", 28, 4)
        .number("Creator Revision", 32, 4);
  }

  /** Adds a number of 1, 2, 4 or 8 bytes. */
  public FieldTable number(String name, int offset, int width) {
    return number(name, offset, width, "");
  }

  /** Adds a number of 1, 2, 4 or 8 bytes and what it means. */
  public FieldTable number(String name, int offset, int width, String meaning) {
    if (holds(offset, width)) {
      add(name, offset, width, read(offset, width), meaning);
    }
    return this;
  }

  /** Adds a structure's length in bytes, of 1 or 2 bytes. */
  public FieldTable length(int offset, int width) {
    if (holds(offset, width)) {
      long value = read(offset, width);
      add("Length", offset, width, value, value + " bytes");
    }
    return this;
  }

  /** Returns a number of 1, 2, 4 or 8 bytes; 0 if it is not there. */
  public long value(int offset, int width) {
    return holds(offset, width) ? read(offset, width) : 0;
  }

  /** Adds a number of 1, 2, 4 or 8 bytes with those of its fields that are not 0. */
  public FieldTable word(String name, int offset, int width, Layout layout) {
    if (holds(offset, width)) {
      long value = read(offset, width);
      add(name, offset, width, value, layout.fieldsSet(value));
    }
    return this;
  }

  private long read(int offset, int width) {
    return switch (width) {
      case 1 -> reader.u8(offset);
      case 2 -> reader.u16(offset);
      case 4 -> reader.u32(offset);
      default -> reader.u64(offset);
    };
  }

  /** Adds a byte of flags, with the names of those that are set; {@code names} begins at bit 0. */
  public FieldTable flags(String name, int offset, String... names) {
    if (holds(offset, 1)) {
      int value = reader.u8(offset);
      add(name, offset, 1, value, value == 0 ? "" : flags(value, names));
    }
    return this;
  }

  private static String flags(long value, String[] names) {
    String text = "";
    for (int bit = 0; bit < names.length; bit++) {
      if ((value >>> bit & 1) != 0) {
        text = text.isEmpty() ? names[bit] : text + " " + names[bit];
      }
    }
    long reserved = value >>> names.length;
    return reserved == 0
        ? text
        : text
            + Message.format(
                "%sRSVD[7:%d]=0x%x", text.isEmpty() ? "" : " ", names.length, reserved);
  }

  /** Adds characters up to the first NUL; the raw bytes are all of them. */
  public FieldTable text(String name, int offset, int length) {
    if (holds(offset, length)) {
      String text = TableText.text(reader.slice(offset, length), 0);
      add(bytes(name, reader, offset, length, '"' + text + '"'), offset + length);
    }
    return this;
  }

  /** Adds bytes with a meaning. */
  public FieldTable bytes(String name, int offset, int length, String meaning) {
    if (holds(offset, length)) {
      add(bytes(name, reader, offset, length, meaning), offset + length);
    }
    return this;
  }

  /** Adds reserved bytes; those that are not 0 are pointed out. */
  public FieldTable reserved(int offset, int length) {
    if (holds(offset, length)) {
      boolean zero = reader.isZero(offset, length);
      String raw =
          zero && 3 * length <= ZEROS.length()
              ? ZEROS.substring(0, 3 * length - 1)
              : TableText.hex(reader, offset, length);
      add(
          new FieldReport("Reserved", raw, zero ? "" : "not 0", reader.tableOffset(offset)),
          offset + length);
    }
    return this;
  }

  /** Adds the bytes from {@code offset} to the reader's end as they are. */
  public FieldTable rest(int offset) {
    return bytes("Undecoded", offset, reader.lengthBytes() - offset, "");
  }

  /** Adds the bytes after the last whole field if there are fewer than {@code expected}. */
  public FieldTable truncatedBelow(int expected) {
    int length = reader.lengthBytes();
    if (length < expected && decoded < length) {
      bytes("Undecoded", decoded, length - decoded, "truncated");
    }
    return this;
  }

  private boolean holds(int offset, int length) {
    return length > 0 && offset + length <= reader.lengthBytes();
  }

  private void add(String name, int offset, int width, long value, String meaning) {
    add(new FieldReport(name, Hex.of(value), meaning, reader.tableOffset(offset)), offset + width);
  }

  private void add(FieldReport field, int end) {
    if (count == fields.length) {
      fields = Arrays.copyOf(fields, 2 * count);
    }
    fields[count++] = field;
    decoded = end;
  }
}
