package dev.vmm.acpi.decode;

import dev.vmm.acpi.ByteReader;
import java.util.HexFormat;

/** Bytes of a table as text. */
public final class TableText {
  private static final HexFormat HEX = HexFormat.ofDelimiter(" ");

  private TableText() {}

  /** Returns text up to the first NUL or the reader's end, what is not printable as {@code ?}. */
  public static String text(ByteReader reader, int offset) {
    StringBuilder text = new StringBuilder();
    for (int i = offset; i < reader.lengthBytes(); i++) {
      int c = reader.u8(i);
      if (c == 0) {
        break;
      }
      text.append(c >= 0x20 && c <= 0x7e ? (char) c : '?');
    }
    return text.toString();
  }

  /** Returns bytes as two digits each, separated by blanks. */
  public static String hex(ByteReader reader, int offset, int length) {
    return HEX.formatHex(reader.bytes(offset, length));
  }
}
