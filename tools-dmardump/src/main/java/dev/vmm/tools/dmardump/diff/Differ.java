package dev.vmm.tools.dmardump.diff;

import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.DumpRenderer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Function;

/**
 * Compares two captures by what they mean: a structure is known by what it describes (the address
 * of its registers or region, its name, its path) and not by where it stands; a device entry by its
 * requester id, a mapping by its addresses. Used once, by one thread.
 */
public final class Differ {
  private final List<Change> changes = new ArrayList<>();

  private Differ() {}

  /**
   * Returns the differences, tables first.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if a machine does not answer
   */
  public static List<Change> between(Capture before, Capture after) {
    Differ differ = new Differ();
    differ.match(
        "",
        keyed(before.tables(), TableReport::signature),
        keyed(after.tables(), TableReport::signature),
        table -> table.lengthBytes() + " bytes",
        differ::tables);
    differ.match(
        "",
        keyed(before.units(), Differ::name),
        keyed(after.units(), Differ::name),
        unit -> unit.enabled() ? "translation on" : "translation off",
        differ::units);
    return differ.changes;
  }

  private static String name(UnitReport unit) {
    return unit.kind() + " @ 0x" + Long.toHexString(unit.baseHpa());
  }

  private void tables(TableReport before, TableReport after) {
    fields(before.signature() + " header", before.header(), after.header());
    structures(before.signature(), before.structures(), after.structures());
    strings(before.signature() + " problem", before.problems(), after.problems());
  }

  private void structures(String where, List<StructureReport> before, List<StructureReport> after) {
    match(
        where,
        keyed(before, Differ::identity),
        keyed(after, Differ::identity),
        Differ::summary,
        (one, other) -> {
          String inside = where + " " + identity(one);
          fields(inside, one.fields(), other.fields());
          structures(inside, one.children(), other.children());
        });
  }

  /** What a structure describes, as far as its fields say so. */
  private static String identity(StructureReport structure) {
    StringBuilder text = new StringBuilder(structure.kind());
    for (FieldReport field : structure.fields()) {
      String name = field.name();
      if (name.matches(".*(Base Address|Start Address|Start Bus Number|Path|Name|Device ?I[Dd].*)")
          && !name.equals("Length")) {
        text.append(' ').append(field.meaning().isEmpty() ? field.raw() : field.meaning());
      }
    }
    return text.toString();
  }

  private static String summary(StructureReport structure) {
    StringBuilder text = new StringBuilder();
    for (FieldReport field : structure.fields()) {
      if (!isShape(field)) {
        text.append(text.length() == 0 ? "" : ", ")
            .append(field.name())
            .append(' ')
            .append(value(field));
      }
    }
    if (!structure.children().isEmpty()) {
      text.append(text.length() == 0 ? "" : ", ")
          .append(
              String.join(
                  ", ", structure.children().stream().map(child -> identity(child)).toList()));
    }
    return text.toString();
  }

  /** Says whether a field follows from others: what it would tell is told already. */
  private static boolean isShape(FieldReport field) {
    return switch (field.name()) {
      case "Type", "Length", "Checksum", "Signature" -> true;
      case "Reserved" -> field.meaning().isEmpty();
      default -> false;
    };
  }

  private void fields(String where, List<FieldReport> before, List<FieldReport> after) {
    match(
        where,
        keyed(before.stream().filter(f -> !isShape(f)).toList(), FieldReport::name),
        keyed(after.stream().filter(f -> !isShape(f)).toList(), FieldReport::name),
        Differ::value,
        (one, other) -> {
          if (!one.raw().equals(other.raw())) {
            changes.add(Change.changed(where + " " + one.name(), value(one), value(other)));
          }
        });
  }

  private static String value(FieldReport field) {
    return field.meaning().isEmpty() ? field.raw() : field.raw() + " (" + field.meaning() + ")";
  }

  private void units(UnitReport before, UnitReport after) {
    String where = name(before);
    if (before.enabled() != after.enabled()) {
      changes.add(
          Change.changed(
              where + " translation",
              before.enabled() ? "on" : "off",
              after.enabled() ? "on" : "off"));
    }
    strings(where + " scope", before.scope(), after.scope());
    registers(where, before, after);
    match(
        where,
        keyed(before.devices(), device -> device.rid().toString()),
        keyed(after.devices(), device -> device.rid().toString()),
        Differ::summary,
        (one, other) -> {
          if (!summary(one).equals(summary(other))) {
            changes.add(Change.changed(where + " " + one.rid(), summary(one), summary(other)));
          }
        });
    match(
        where,
        keyed(before.domains(), Differ::name),
        keyed(after.domains(), Differ::name),
        domain ->
            domain.totals().runs() == 0
                ? "nothing mapped"
                : MappingDiff.size(domain.totals().mappedBytes())
                    + " in "
                    + DumpRenderer.count(domain.totals().runs(), "range"),
        (one, other) ->
            MappingDiff.add(where + " " + name(one), one.mappings(), other.mappings(), changes));
    strings(where + " problem", before.problems(), after.problems());
  }

  /** Fields of capability, control and status; heads, tails and faults come and go. */
  private void registers(String where, UnitReport before, UnitReport after) {
    match(
        where,
        keyed(before.registers(), RegisterReport::name),
        keyed(after.registers(), RegisterReport::name),
        register -> "0x" + Long.toHexString(register.raw()),
        (one, other) -> {
          if (one.raw() != other.raw()) {
            fields(where + " " + one.name(), one.fields(), other.fields());
          }
        });
  }

  private static String name(DomainReport domain) {
    return "domain 0x" + Integer.toHexString(domain.domainId());
  }

  private static String summary(DeviceEntryReport device) {
    return "domain 0x"
        + Integer.toHexString(device.domainId())
        + ", "
        + device.type()
        + (device.levels() == 0
            ? ""
            : ", " + device.levels() + "-level, table 0x" + Long.toHexString(device.tableRoot()));
  }

  private void strings(String where, List<String> before, List<String> after) {
    for (String text : before) {
      if (!after.contains(text)) {
        changes.add(Change.removed(where, text));
      }
    }
    for (String text : after) {
      if (!before.contains(text)) {
        changes.add(Change.added(where, text));
      }
    }
  }

  /** Gives each a key of its own: those alike are numbered in their order. */
  private static <T> Map<String, T> keyed(List<T> all, Function<T, String> name) {
    Map<String, T> keyed = new LinkedHashMap<>();
    Map<String, Integer> seen = new LinkedHashMap<>();
    for (T one : all) {
      String key = name.apply(one);
      int count = seen.merge(key, 1, Integer::sum);
      keyed.put(count == 1 ? key : key + " #" + count, one);
    }
    return keyed;
  }

  private <T> void match(
      String where,
      Map<String, T> before,
      Map<String, T> after,
      Function<T, String> summary,
      BiConsumer<T, T> both) {
    String prefix = where.isEmpty() ? "" : where + " ";
    before.forEach(
        (key, one) -> {
          T other = after.get(key);
          if (other == null) {
            changes.add(Change.removed(prefix + key, summary.apply(one)));
          } else {
            both.accept(one, other);
          }
        });
    after.forEach(
        (key, other) -> {
          if (!before.containsKey(key)) {
            changes.add(Change.added(prefix + key, summary.apply(other)));
          }
        });
  }
}
