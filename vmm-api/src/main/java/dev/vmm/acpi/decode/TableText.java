package dev.vmm.acpi.decode;

import dev.vmm.acpi.ByteReader;
import dev.vmm.bits.Hex;
import java.util.Arrays;

/** Bytes of a table as text. */
public final class TableText {
  private TableText() {}

  /** Returns text up to the first NUL or the reader's end, what is not printable as {@code ?}. */
  public static String text(ByteReader reader, int offset) {
    byte[] text = reader.bytes(offset, reader.lengthBytes() - offset);
    int length = 0;
    while (length < text.length && text[length] != 0) {
      if (text[length] < 0x20 || text[length] == 0x7f) {
        text[length] = '?'; // bytes from 80h on are negative
      }
      length++;
    }
    return Hex.latin(length == text.length ? text : Arrays.copyOf(text, length));
  }

  /** Returns bytes as two digits each, separated by blanks. */
  public static String hex(ByteReader reader, int offset, int length) {
    return Hex.bytes(reader.bytes(offset, length));
  }
}
