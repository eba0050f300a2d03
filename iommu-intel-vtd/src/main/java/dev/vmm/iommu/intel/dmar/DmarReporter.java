package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.util.ArrayList;
import java.util.List;

/**
 * Decodes a DMAR table for a reader, damaged ones as far as they go: what a driver would refuse is
 * a problem of the report. Never throws. Stateless and thread-safe.
 *
 * <p>Source: VT-d r4.1, "DMA Remapping Reporting Structure".
 */
public final class DmarReporter {
  private final ByteReader reader;
  private final List<StructureReport> structures = new ArrayList<>();
  private final List<DmarStructure> sound = new ArrayList<>();
  private final List<DmarProblem> problems = new ArrayList<>();

  private DmarReporter(ByteReader reader) {
    this.reader = reader;
  }

  /**
   * Decodes a table. After a damaged structure the next one is decoded too if the damaged one's
   * length leads to it; if not, the last problem says where and why decoding ended.
   */
  public static TableReport report(AcpiTable table) {
    return decode(table).report();
  }

  /**
   * What was decoded.
   *
   * @param report for a reader
   * @param sound the structures that could be read whole
   * @param problems those of the report
   */
  record Decoded(TableReport report, List<DmarStructure> sound, List<DmarProblem> problems) {}

  static Decoded decode(AcpiTable table) {
    DmarReporter reporter = new DmarReporter(table.reader());
    if (!table.signature().equals(DmarLayout.SIGNATURE)) {
      reporter.problem(
          DmarRule.SIGNATURE, 0, "the signature is \"%s\": expected \"DMAR\"", table.signature());
    }
    if (!table.checksumValid()) {
      reporter.problem(
          DmarRule.CHECKSUM,
          9,
          "the checksum is wrong: expected the table's %d bytes to add up to 0; a driver refuses it",
          table.lengthBytes());
    }
    reporter.structures();
    reporter.problems.addAll(DmarProblems.of(reporter.sound));
    TableReport report =
        new TableReport(
            table.signature(),
            table.origin(),
            table.lengthBytes(),
            table.checksumValid(),
            FieldTable.header(reporter.reader),
            reporter.structures,
            reporter.problems.stream().map(DmarProblem::text).toList());
    return new Decoded(report, reporter.sound, reporter.problems);
  }

  private void structures() {
    int end = reader.lengthBytes();
    if (end < DmarLayout.STRUCTURES) {
      problem(
          DmarRule.LENGTH,
          4,
          "the table is %d bytes long: expected at least %d; it has no structures",
          end,
          DmarLayout.STRUCTURES);
      return;
    }
    int offset = DmarLayout.STRUCTURES;
    while (offset < end) {
      int left = end - offset;
      if (left < DmarLayout.STRUCTURE_HEADER) {
        problem(
            DmarRule.LENGTH,
            offset,
            "%d bytes are left (%s): expected a structure of at least %d; decoding ends here",
            left,
            DmarLayout.hex(reader, offset, left),
            DmarLayout.STRUCTURE_HEADER);
        return;
      }
      int type = reader.u16(offset);
      int length = reader.u16(offset + 2);
      String kind = DmarLayout.kind(type);
      if (length < DmarLayout.STRUCTURE_HEADER) {
        problem(
            DmarRule.LENGTH,
            offset,
            "%s says that it is %d bytes long: expected at least %d; decoding ends here",
            kind,
            length,
            DmarLayout.fixedBytes(type));
        return;
      }
      if (length > left) {
        problem(
            DmarRule.LENGTH,
            offset,
            "%s says that it is %d bytes long, and %d are left in the table; decoding ends after them",
            kind,
            length,
            left);
      } else if (length < DmarLayout.fixedBytes(type)) {
        problem(
            DmarRule.LENGTH,
            offset,
            "%s says that it is %d bytes long: expected at least %d",
            kind,
            length,
            DmarLayout.fixedBytes(type));
      }
      structure(type, length, reader.slice(offset, Math.min(length, left)));
      offset += Math.min(length, left);
    }
  }

  /** Decodes one structure; the reader may hold fewer or more bytes than the kind needs. */
  private void structure(int type, int length, ByteReader bytes) {
    int fixed = DmarLayout.fixedBytes(type);
    boolean whole = length == bytes.lengthBytes() && length >= fixed;
    List<FieldReport> fields = new ArrayList<>(FieldTable.structure(type, bytes));
    List<StructureReport> scopes = new ArrayList<>();
    if (DmarLayout.hasScopes(type)) {
      whole &= scopes(type, bytes, fixed, fields, scopes);
    }
    if (whole) {
      sound.add(StructureParser.parse(type, bytes, reader.name()));
    }
    structures.add(
        new StructureReport(DmarLayout.kind(type), bytes.tableOffset(0), length, fields, scopes));
  }

  /** Decodes the scopes and returns whether all were sound; what cannot be read goes out as hex. */
  private boolean scopes(
      int type,
      ByteReader bytes,
      int from,
      List<FieldReport> fields,
      List<StructureReport> scopes) {
    int end = bytes.lengthBytes();
    int at = from;
    while (at < end) {
      int left = end - at;
      int length = left < 2 ? 0 : bytes.u8(at + 1);
      if (left < DmarLayout.SCOPE_HEADER || length < DmarLayout.SCOPE_HEADER || length > left) {
        problem(
            DmarRule.SCOPE_LENGTH,
            bytes.tableOffset(at),
            "%s",
            left < DmarLayout.SCOPE_HEADER
                ? String.format(
                    "%d bytes are left in the %s: expected a device scope of at least %d",
                    left, DmarLayout.kind(type), DmarLayout.SCOPE_HEADER)
                : String.format(
                    "a device scope of the %s says that it is %d bytes long: expected %d to %d",
                    DmarLayout.kind(type), length, DmarLayout.SCOPE_HEADER, Math.min(left, 255)));
        fields.add(FieldTable.bytes("Undecoded", bytes, at, left, "damaged device scopes"));
        return false;
      }
      ByteReader scope = bytes.slice(at, length);
      scopes.add(
          new StructureReport(
              StructureParser.scope(scope).type().label(),
              scope.tableOffset(0),
              length,
              FieldTable.scope(type, scope),
              List.of()));
      at += length;
    }
    return true;
  }

  private void problem(DmarRule rule, int offset, String format, Object... args) {
    problems.add(
        new DmarProblem(
            rule,
            offset,
            String.format("DMAR offset 0x%x: ", offset)
                + String.format(java.util.Locale.ROOT, format, args)));
  }
}
