package dev.vmm.tools.dmardump;

import dev.vmm.bits.Hex;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.StructureReport;
import java.util.List;
import java.util.Locale;

/**
 * The text of registers, structures and fields, added to lines. Used by one thread.
 *
 * <p>Unless verbose, fields that a heading repeats and empty reserved ones are left out.
 */
final class TableText {
  private static final int FIELDS_WIDTH = 100;
  private static final int GAP = 2;

  private final boolean verbose;
  private final Palette palette;
  private final Lines lines;

  /** The fields that are shown, while their columns are laid out. */
  private FieldReport[] shown = new FieldReport[32];

  TableText(boolean verbose, Palette palette, Lines lines) {
    this.verbose = verbose;
    this.palette = palette;
    this.lines = lines;
  }

  /** Adds a line for each field that is shown: name, value and meaning in columns. */
  void fields(List<FieldReport> fields, int depth) {
    if (shown.length < fields.size()) {
      shown = new FieldReport[fields.size()];
    }
    int count = 0;
    int names = 0;
    int values = 0;
    for (int i = 0; i < fields.size(); i++) {
      FieldReport field = fields.get(i);
      if (!isLeftOut(field)) {
        shown[count++] = field;
        names = Math.max(names, field.name().length());
        values = Math.max(values, field.raw().length());
      }
    }
    int value = names == 0 ? 0 : names + GAP;
    int meaning = values == 0 ? value : value + values + GAP;
    for (int i = 0; i < count; i++) {
      FieldReport field = shown[i];
      lines.begin(depth).text(field.name());
      if (!field.raw().isEmpty()) {
        lines.cell(value, field.raw());
      }
      if (!field.meaning().isEmpty()) {
        lines.cell(meaning, field.meaning());
      }
      lines.end();
    }
  }

  /** Says whether a heading says it already, or there is nothing to say. */
  private boolean isLeftOut(FieldReport field) {
    return !verbose
        && switch (field.name()) {
          case "Signature", "Type", "Length", "Checksum" -> true;
          case "Reserved" -> field.raw().equals("0x0") || isZeros(field.raw());
          default -> false;
        };
  }

  private static boolean isZeros(String digits) {
    for (int i = 0; i < digits.length(); i++) {
      char c = digits.charAt(i);
      if (c != '0' && c != ' ') {
        return false;
      }
    }
    return true;
  }

  /** Adds each structure's heading, fields and sub-structures. */
  void structures(List<StructureReport> structures, int depth) {
    for (int i = 0; i < structures.size(); i++) {
      StructureReport structure = structures.get(i);
      lines
          .begin(depth)
          .text(palette.strong(structure.kind()))
          .text(" at offset ")
          .text(Hex.of(structure.offset()))
          .text(", ")
          .number(structure.lengthBytes())
          .text(" bytes")
          .end();
      fields(structure.fields(), depth + 1);
      structures(structure.children(), depth + 1);
    }
  }

  /** Adds the fields one after the other, in as many lines as they take. */
  static void inline(List<FieldReport> fields, int depth, Lines lines) {
    Text.fill(fields.stream().map(FieldReport::text).toList(), FIELDS_WIDTH)
        .forEach(line -> lines.add(depth, line));
  }

  static void registers(List<RegisterReport> registers, Lines lines, Palette palette) {
    if (registers.isEmpty()) {
      return;
    }
    lines.add(1, "Registers:");
    int width = registers.stream().mapToInt(register -> register.name().length()).max().orElse(0);
    for (RegisterReport register : registers) {
      String raw =
          String.format(Locale.ROOT, "%0" + register.widthBits() / 4 + "x", register.raw());
      lines.add(
          2,
          String.format(Locale.ROOT, "0x%03x  ", register.offset())
              + palette.strong(String.format(Locale.ROOT, "%-" + width + "s", register.name()))
              + "  0x"
              + raw);
      inline(register.fields(), 3, lines);
    }
  }
}
