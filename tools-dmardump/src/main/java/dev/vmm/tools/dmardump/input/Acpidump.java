package dev.vmm.tools.dmardump.input;

import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The text that {@code acpidump} writes: for each table a line such as {@code DMAR @ 0xbafe0000}
 * and lines of an offset and up to 16 bytes in hexadecimal.
 *
 * <pre>
 * DMAR @ 0x00000000BAFE0000
 *     0000: 44 4D 41 52 64 01 00 00 01 4B 48 50 20 20 20 20  DMARd....KHP
 * </pre>
 *
 * <p>The programs differ in capitals, in the blanks at the beginning and in how they write an
 * address of nought ({@code (nil)}). A table whose lines leave bytes out or come in another order
 * is left out and told; so is one that is shorter than it says. Text around the tables is passed
 * over, as of a bug report. Work and memory are in proportion to the text. Used once.
 */
final class Acpidump {
  private static final int BYTES_PER_LINE = 16;
  private static final int MIN_SIGNATURE = 4;
  private static final int MAX_SIGNATURE = 8;
  private static final int MAX_OFFSET_DIGITS = 8;
  private static final int MAX_TABLE_BYTES = 16 << 20;

  /** Text before the first table that is searched for one. */
  private static final int MAX_PREFACE_BYTES = 1 << 16;

  private static final String ROOT_POINTER = "RSD PTR";

  private final String name;
  private final byte[] text;
  private final Notes notes = new Notes();
  private final List<AcpiTable> tables = new ArrayList<>();

  private @Nullable String signature;
  private ByteArrayOutputStream body = new ByteArrayOutputStream();
  private int headingLine;
  private boolean damaged;

  private Acpidump(String name, byte[] text) {
    this.name = name;
    this.text = text;
  }

  /** Says whether there is a line that begins a table, near the beginning. */
  static boolean isAcpidump(byte[] text) {
    int end = Math.min(text.length, MAX_PREFACE_BYTES);
    for (int at = 0; at < end; ) {
      int eol = lineEnd(text, at);
      if (heading(text, at, eol) != null) {
        return true;
      }
      at = eol + 1;
    }
    return false;
  }

  /**
   * Reads the tables of a text.
   *
   * @throws VmmException EINVAL if there is no whole table in it
   */
  static Input.Tables read(String name, byte[] text) {
    return new Acpidump(name, text).read();
  }

  private Input.Tables read() {
    int line = 1;
    for (int at = 0; at < text.length; line++) {
      int eol = lineEnd(text, at);
      String next = heading(text, at, eol);
      if (next != null) {
        finish();
        signature = next;
        headingLine = line;
        body = new ByteArrayOutputStream();
        damaged = false;
      } else if (signature != null && !damaged) {
        bytes(at, eol, line);
      }
      at = eol + 1;
    }
    finish();
    return Inputs.tables(name, tables, false, notes.list());
  }

  /** Takes a line of bytes; any other line is passed over. */
  private void bytes(int start, int eol, int line) {
    int at = skipBlanks(text, start, eol);
    long offset = 0;
    int digits = 0;
    for (; at < eol && hex(text[at]) >= 0; at++, digits++) {
      offset = digits < MAX_OFFSET_DIGITS ? (offset << 4) | hex(text[at]) : -1;
    }
    if (digits < 4 || at >= eol || text[at] != ':') {
      return;
    }
    if (offset != body.size()) {
      leaveOut(
          "line %d gives bytes at %s: expected those at 0x%x",
          line,
          offset < 0 ? "an offset of more than 32 bits" : "0x" + Long.toHexString(offset),
          body.size());
      return;
    }
    at++;
    int count = 0;
    while (count < BYTES_PER_LINE
        && at + 2 < eol
        && text[at] == ' '
        && hex(text[at + 1]) >= 0
        && hex(text[at + 2]) >= 0
        && (at + 3 == eol || isBlank(text[at + 3]))) {
      body.write((hex(text[at + 1]) << 4) | hex(text[at + 2]));
      at += 3;
      count++;
    }
    if (count == 0) {
      leaveOut("line %d has no bytes after its offset", line);
    } else if (body.size() > MAX_TABLE_BYTES) {
      leaveOut("it has more than 0x%x bytes", MAX_TABLE_BYTES);
    }
  }

  /** Ends the table that is being read. */
  private void finish() {
    String current = signature;
    if (current == null || damaged || current.startsWith(ROOT_POINTER)) {
      return; // The root pointer is no table.
    }
    String origin = name + ", line " + headingLine;
    try {
      AcpiTable table = AcpiTable.of(body.toByteArray(), origin);
      if (!table.signature().equals(current.strip())) {
        leaveOut("its bytes begin with \"%s\"", table.signature());
        return;
      }
      tables.add(table);
    } catch (VmmException e) {
      leaveOut("%s", String.valueOf(e.getMessage()));
    }
  }

  private void leaveOut(String format, Object... args) {
    damaged = true;
    notes.add(
        "%s, line %d: table %s is left out: %s",
        name,
        headingLine,
        String.valueOf(signature),
        String.format(java.util.Locale.ROOT, format, args));
  }

  /** Returns the signature in a line such as {@code DMAR @ 0xbafe0000}, or null. */
  private static @Nullable String heading(byte[] text, int start, int eol) {
    int at = skipBlanks(text, start, eol);
    int sign = at;
    while (sign < eol && sign - at <= MAX_SIGNATURE + 1 && text[sign] != '@') {
      if (text[sign] < 0x20 || text[sign] > 0x7e) {
        return null;
      }
      sign++;
    }
    int length = sign - 1 - at;
    if (sign >= eol
        || length < MIN_SIGNATURE
        || length > MAX_SIGNATURE
        || text[sign] != '@'
        || text[sign - 1] != ' ') {
      return null;
    }
    int from = sign + 2;
    int to = from;
    while (to < eol && to - from <= 20 && text[to] > ' ') {
      to++;
    }
    String address =
        from > eol ? "" : new String(text, from, to - from, StandardCharsets.ISO_8859_1);
    if (!address.matches("0[xX][0-9a-fA-F]{1,16}|\\(nil\\)")) {
      return null;
    }
    return new String(text, at, length, StandardCharsets.US_ASCII);
  }

  private static int skipBlanks(byte[] text, int from, int eol) {
    int at = from;
    while (at < eol && isBlank(text[at])) {
      at++;
    }
    return at;
  }

  private static int lineEnd(byte[] text, int from) {
    int at = from;
    while (at < text.length && text[at] != '\n') {
      at++;
    }
    return at;
  }

  private static boolean isBlank(byte b) {
    return b == ' ' || b == '\t' || b == '\r';
  }

  private static int hex(byte b) {
    return b >= '0' && b <= '9'
        ? b - '0'
        : b >= 'a' && b <= 'f' ? b - 'a' + 10 : b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
  }
}
