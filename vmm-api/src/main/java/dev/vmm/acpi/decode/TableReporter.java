package dev.vmm.acpi.decode;

import dev.vmm.Message;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.ByteReader;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.util.ArrayList;
import java.util.List;

/**
 * Decodes a table for a reader, damaged ones as far as they go: what a driver would refuse is a
 * problem of the report. After a damaged structure the next one is decoded too if the damaged one's
 * length leads to it; if not, the last problem says where and why decoding ended.
 *
 * <p>One instance reports one table. Not thread-safe.
 *
 * @param <S> what sound structures are decoded to
 */
public abstract class TableReporter<S> {
  private final TableFormat format;
  private final AcpiTable table;
  private final Damage damage;
  private final List<TableProblem> problems = new ArrayList<>();
  private final List<S> sound = new ArrayList<>();

  /**
   * The rules that a damaged table breaks.
   *
   * @param signature it is another table
   * @param checksum its bytes do not add up to 0
   * @param length it, or a part of it, is shorter or longer than can be
   */
  public record Damage(TableRule signature, TableRule checksum, TableRule length) {}

  /** Prepares the report of a table. */
  protected TableReporter(TableFormat format, AcpiTable table, Damage damage) {
    this.format = format;
    this.table = table;
    this.damage = damage;
  }

  /** Returns the fields before the structures, as far as the table goes. */
  protected abstract List<FieldReport> header(ByteReader reader);

  /**
   * Decodes one structure.
   *
   * @param length as the structure says
   * @param bytes those that are there, at least a structure's header: fewer than it says at the
   *     table's end, and maybe fewer than its type needs
   * @param whole whether neither is so
   */
  protected abstract StructureReport structure(
      int type, int length, ByteReader bytes, boolean whole);

  /** Returns what is odd in the structures that are sound, after all were decoded. */
  protected abstract List<TableProblem> oddities(List<S> structures);

  /** Keeps a structure that is sound. */
  protected final void sound(S structure) {
    sound.add(structure);
  }

  /** Tells that something is shorter or longer than can be, at an offset of the table. */
  protected final void problem(int offset, String text, Object... args) {
    problem(damage.length, offset, text, args);
  }

  private void problem(TableRule rule, int offset, String text, Object... args) {
    problems.add(
        new TableProblem(
            rule,
            offset,
            Message.format("%s offset 0x%x: ", format.signature(), offset)
                + Message.format(text, args)));
  }

  /** Decodes the table; never throws. */
  protected final DecodedTable<S> decode() {
    if (!table.signature().equals(format.signature())) {
      problem(
          damage.signature,
          0,
          "the signature is \"%s\": expected \"%s\"",
          table.signature(),
          format.signature());
    }
    boolean checksumValid = table.checksumValid();
    if (!checksumValid) {
      problem(
          damage.checksum,
          9,
          "the checksum is wrong: expected the table's %d bytes to add up to 0; a driver refuses it",
          table.lengthBytes());
    }
    ByteReader reader = table.reader();
    List<StructureReport> structures = structures(reader);
    problems.addAll(oddities(List.copyOf(sound)));
    List<String> texts = new ArrayList<>(problems.size());
    for (TableProblem problem : problems) {
      texts.add(problem.text());
    }
    return new DecodedTable<>(
        new TableReport(
            table.signature(),
            table.origin(),
            table.lengthBytes(),
            checksumValid,
            header(reader),
            structures,
            texts),
        sound,
        problems);
  }

  private List<StructureReport> structures(ByteReader reader) {
    List<StructureReport> structures = new ArrayList<>();
    int end = reader.lengthBytes();
    if (end < format.structures()) {
      problem(
          4,
          "the table is %d bytes long: expected at least %d; it has no structures",
          end,
          format.structures());
      return structures;
    }
    int offset = format.structures();
    while (offset < end) {
      int left = end - offset;
      if (left < TableFormat.HEADER_BYTES) {
        problem(
            offset,
            "%d bytes are left (%s): expected a structure of at least %d; decoding ends here",
            left,
            TableText.hex(reader, offset, left),
            TableFormat.HEADER_BYTES);
        return structures;
      }
      int type = format.type(reader, offset);
      int length = format.length(reader, offset);
      int fixed = format.fixedBytes().applyAsInt(type);
      String kind = format.kind().apply(type);
      if (length < TableFormat.HEADER_BYTES) {
        problem(
            offset,
            "%s says that it is %d bytes long: expected at least %d; decoding ends here",
            kind,
            length,
            fixed);
        return structures;
      }
      if (length > left) {
        problem(
            offset,
            "%s says that it is %d bytes long, and %d are left in the table; decoding ends after them",
            kind,
            length,
            left);
      } else if (length < fixed) {
        problem(
            offset, "%s says that it is %d bytes long: expected at least %d", kind, length, fixed);
      }
      ByteReader bytes = reader.slice(offset, Math.min(length, left));
      structures.add(structure(type, length, bytes, length <= left && length >= fixed));
      offset += bytes.lengthBytes();
    }
    return structures;
  }
}
