package dev.vmm.iommu.amd.ivrs;

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
import java.util.Optional;

/**
 * Decodes an IVRS table for a reader, damaged ones as far as they go: what a driver would refuse is
 * a problem of the report.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization Reporting Structure (IVRS)".
 */
public final class IvrsReporter extends TableReporter<IvrsBlock> {
  private final AcpiTable table;

  private IvrsReporter(AcpiTable table) {
    super(
        IvrsLayout.FORMAT,
        table,
        new Damage(IvrsRule.SIGNATURE, IvrsRule.CHECKSUM, IvrsRule.LENGTH));
    this.table = table;
  }

  /** Decodes a table. Never throws. Thread-safe. */
  public static TableReport report(AcpiTable table) {
    return decode(table).report();
  }

  /** Decodes a table for those who ask for the rules that its problems break. Never throws. */
  static DecodedTable<IvrsBlock> decode(AcpiTable table) {
    return new IvrsReporter(table).decode();
  }

  @Override
  protected List<FieldReport> header(ByteReader reader) {
    return IvrsFields.header(reader);
  }

  @Override
  protected List<TableProblem> oddities(List<IvrsBlock> blocks) {
    return table.lengthBytes() < IvrsLayout.FORMAT.structures()
        ? List.of()
        : IvrsProblems.of(new IvInfo(table.reader().u32(IvrsLayout.IVINFO)), blocks);
  }

  @Override
  protected StructureReport structure(int type, int length, ByteReader bytes, boolean whole) {
    FieldTable fields = IvrsFields.block(type, bytes);
    List<DeviceEntry> entries = new ArrayList<>();
    List<StructureReport> reports = new ArrayList<>();
    boolean sane = whole;
    if (IvrsLayout.isIvhd(type)) {
      sane &= entries(type, bytes, fields, entries, reports);
    }
    if (sane) {
      sound(BlockParser.block(type, bytes, entries));
    }
    return new StructureReport(
        IvrsLayout.kind(type), bytes.tableOffset(0), length, fields.fields(), reports);
  }

  /** Decodes the entries and returns whether all were sound; what cannot be read is left as hex. */
  private boolean entries(
      int type,
      ByteReader bytes,
      FieldTable fields,
      List<DeviceEntry> entries,
      List<StructureReport> reports) {
    int end = bytes.lengthBytes();
    int at = IvrsLayout.fixedBytes(type);
    while (at < end) {
      int length = BlockParser.entryBytes(bytes, at);
      Optional<String> damage = BlockParser.damage(bytes, at, length);
      if (damage.isPresent()) {
        problem(bytes.tableOffset(at), "%s: %s", IvrsLayout.kind(type), damage.get());
        fields.bytes("Undecoded", at, end - at, "damaged device entries");
        return false;
      }
      ByteReader reader = bytes.slice(at, length);
      DeviceEntry entry = BlockParser.entry(reader);
      entries.add(entry);
      reports.add(
          new StructureReport(
              DeviceEntry.label(entry.rawType()),
              entry.offset(),
              length,
              IvrsFields.entry(entry, reader),
              List.of()));
      at += length;
    }
    return true;
  }
}
