package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.acpi.decode.DecodedTable;
import dev.vmm.acpi.decode.FieldTable;
import dev.vmm.acpi.decode.TableProblem;
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
public final class DmarReporter extends TableReporter<DmarStructure> {
  private DmarReporter(AcpiTable table) {
    super(
        DmarLayout.FORMAT,
        table,
        new Damage(DmarRule.SIGNATURE, DmarRule.CHECKSUM, DmarRule.LENGTH));
  }

  /** Decodes a table. Never throws. Thread-safe. */
  public static TableReport report(AcpiTable table) {
    return decode(table).report();
  }

  /** Decodes a table for those who ask for the rules that its problems break. Never throws. */
  static DecodedTable<DmarStructure> decode(AcpiTable table) {
    return new DmarReporter(table).decode();
  }

  @Override
  protected List<FieldReport> header(ByteReader reader) {
    return DmarFields.header(reader);
  }

  @Override
  protected List<TableProblem> oddities(List<DmarStructure> structures) {
    return DmarProblems.of(structures);
  }

  @Override
  protected StructureReport structure(int type, int length, ByteReader bytes, boolean whole) {
    FieldTable fields = DmarFields.structure(type, bytes);
    List<DeviceScope> scopes = new ArrayList<>();
    List<StructureReport> reports = new ArrayList<>();
    boolean sane = whole;
    if (DmarLayout.hasScopes(type)) {
      sane &= scopes(type, bytes, fields, scopes, reports);
    }
    if (sane) {
      sound(StructureParser.structure(type, bytes, scopes));
    }
    return new StructureReport(
        DmarLayout.kind(type), bytes.tableOffset(0), length, fields.fields(), reports);
  }

  /** Decodes the scopes and returns whether all were sound; what cannot be read goes out as hex. */
  private boolean scopes(
      int type,
      ByteReader bytes,
      FieldTable fields,
      List<DeviceScope> scopes,
      List<StructureReport> reports) {
    int end = bytes.lengthBytes();
    int at = DmarLayout.fixedBytes(type);
    while (at < end) {
      int left = end - at;
      int length = left < 2 ? 0 : bytes.u8(at + 1);
      if (left < DmarLayout.SCOPE_HEADER || length < DmarLayout.SCOPE_HEADER || length > left) {
        problem(
            bytes.tableOffset(at),
            "%s",
            left < DmarLayout.SCOPE_HEADER
                ? Message.format(
                    "%d bytes are left in the %s: expected a device scope of at least %d",
                    left, DmarLayout.kind(type), DmarLayout.SCOPE_HEADER)
                : Message.format(
                    "a device scope of the %s says that it is %d bytes long: expected %d to %d",
                    DmarLayout.kind(type), length, DmarLayout.SCOPE_HEADER, Math.min(left, 255)));
        fields.bytes("Undecoded", at, left, "damaged device scopes");
        return false;
      }
      ByteReader reader = bytes.slice(at, length);
      DeviceScope scope = StructureParser.scope(reader);
      scopes.add(scope);
      reports.add(
          new StructureReport(
              scope.type().label(),
              scope.offset(),
              length,
              DmarFields.scope(type, scope, reader),
              List.of()));
      at += length;
    }
    return true;
  }
}
