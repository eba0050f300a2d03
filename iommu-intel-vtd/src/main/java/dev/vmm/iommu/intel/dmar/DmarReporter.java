package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.FieldTable;
import dev.vmm.acpi.decode.TableReporter;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.util.ArrayList;
import java.util.List;

/**
 * Decodes a DMAR table for a reader, damaged ones as far as they go: what a driver would refuse is
 * a problem of the report.
 *
 * <p>Source: VT-d r4.1, "DMA Remapping Reporting Structure".
 */
public final class DmarReporter extends TableReporter {
  private final List<DmarStructure> sound = new ArrayList<>();
  private final List<DmarProblem> odd = new ArrayList<>();

  /**
   * What was decoded.
   *
   * @param report for a reader
   * @param sound the structures that could be read whole
   * @param problems those of the report, by rule
   */
  record Decoded(TableReport report, List<DmarStructure> sound, List<DmarProblem> problems) {}

  private DmarReporter(AcpiTable table) {
    super(DmarLayout.FORMAT, table);
  }

  /** Decodes a table. Never throws. Thread-safe. */
  public static TableReport report(AcpiTable table) {
    return new DmarReporter(table).report();
  }

  /** Decodes a table for those who ask for the rules that its problems break. Never throws. */
  static Decoded decode(AcpiTable table) {
    DmarReporter reporter = new DmarReporter(table);
    TableReport report = reporter.report();
    List<DmarProblem> problems = new ArrayList<>();
    List<Integer> offsets = reporter.damageOffsets();
    for (int i = 0; i < offsets.size(); i++) {
      int offset = offsets.get(i);
      DmarRule rule =
          switch (offset) {
            case 0 -> DmarRule.SIGNATURE;
            case 9 -> DmarRule.CHECKSUM;
            default -> DmarRule.LENGTH;
          };
      problems.add(new DmarProblem(rule, offset, report.problems().get(i)));
    }
    problems.addAll(reporter.odd);
    return new Decoded(report, reporter.sound, problems);
  }

  @Override
  protected List<FieldReport> header(ByteReader reader) {
    return DmarFields.header(reader);
  }

  @Override
  protected List<String> oddities() {
    odd.addAll(DmarProblems.of(sound));
    return odd.stream().map(DmarProblem::text).toList();
  }

  @Override
  protected StructureReport structure(int type, int length, ByteReader bytes, boolean whole) {
    List<FieldReport> fields = new ArrayList<>(DmarFields.structure(type, bytes).fields());
    List<StructureReport> scopes = new ArrayList<>();
    boolean sane = whole;
    if (DmarLayout.hasScopes(type)) {
      sane &= scopes(type, bytes, DmarLayout.fixedBytes(type), fields, scopes);
    }
    if (sane) {
      sound.add(StructureParser.parse(type, bytes));
    }
    return new StructureReport(DmarLayout.kind(type), bytes.tableOffset(0), length, fields, scopes);
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
              DmarFields.scope(type, scope),
              List.of()));
      at += length;
    }
    return true;
  }
}
