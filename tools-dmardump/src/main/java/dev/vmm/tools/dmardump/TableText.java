package dev.vmm.tools.dmardump;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.StructureReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;

/** The text of registers, structures and fields. */
final class TableText {
  private static final int FIELDS_WIDTH = 100;

  private TableText() {}

  /** Adds a line for each field, but for those of {@code leftOut}. */
  static void fields(
      List<FieldReport> fields, Predicate<FieldReport> leftOut, int depth, Lines lines) {
    List<List<String>> rows = new ArrayList<>();
    fields.stream()
        .filter(leftOut.negate())
        .forEach(field -> rows.add(List.of(field.name(), field.raw(), field.meaning())));
    Text.align(rows).forEach(row -> lines.add(depth, row));
  }

  static void structures(
      List<StructureReport> structures,
      Predicate<FieldReport> leftOut,
      int depth,
      Lines lines,
      Palette palette) {
    for (StructureReport structure : structures) {
      lines.add(
          depth,
          palette.strong(structure.kind())
              + String.format(
                  Locale.ROOT,
                  " at offset 0x%x, %d bytes",
                  structure.offset(),
                  structure.lengthBytes()));
      fields(structure.fields(), leftOut, depth + 1, lines);
      structures(structure.children(), leftOut, depth + 1, lines, palette);
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
