package dev.vmm.iommu.amd.ivrs;

import dev.vmm.Message;
import dev.vmm.acpi.decode.TableProblem;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/**
 * DeviceIDs that a unit translates for, as one device entry, or the two of a range, say.
 *
 * @param first the first DeviceID
 * @param last the last one, inclusive
 * @param entry who says so; of a range its start
 * @param alias what their transactions carry, if not their own DeviceID
 */
record IdRange(int first, int last, DeviceEntry entry, OptionalInt alias) {
  boolean contains(int id) {
    return id >= first && id <= last;
  }

  /** Says whether it comes from an entry for all DeviceIDs, which one with a number goes before. */
  boolean all() {
    return entry.type() == DeviceEntry.Type.ALL;
  }

  /**
   * Returns what a unit's entries name, in their order. A DeviceID that is only named as the alias
   * of others, or as that of an I/O APIC or HPET, is among them: the unit sees it.
   *
   * @param problems gets a line for every range that has no end, no start or nothing in it; such a
   *     range is left out
   */
  static List<IdRange> of(Ivhd ivhd, List<TableProblem> problems) {
    Collector collector = new Collector(ivhd, problems);
    for (DeviceEntry entry : ivhd.entries()) {
      collector.add(entry);
    }
    collector.end();
    return List.copyOf(collector.ranges);
  }

  private static final class Collector {
    private final Ivhd ivhd;
    private final List<TableProblem> problems;
    private final List<IdRange> ranges = new ArrayList<>();
    private @Nullable DeviceEntry start;

    Collector(Ivhd ivhd, List<TableProblem> problems) {
      this.ivhd = ivhd;
      this.problems = problems;
    }

    void add(DeviceEntry entry) {
      switch (entry.type()) {
        case ALL -> add(0, IvrsLayout.LAST_ID, entry);
        case SELECT, EXTENDED_SELECT, ALIAS_SELECT, ACPI_HID ->
            add(entry.deviceId(), entry.deviceId(), entry);
        case SPECIAL -> add(entry.sourceId(), entry.sourceId(), entry);
        case RANGE_START, ALIAS_RANGE_START, EXTENDED_RANGE_START -> {
          end();
          start = entry;
        }
        case RANGE_END -> end(entry);
        default -> {}
      }
    }

    private void end(DeviceEntry end) {
      DeviceEntry from = start;
      start = null;
      if (from == null) {
        problem(end, "ends a range that no entry starts; it is ignored");
      } else if (end.deviceId() < from.deviceId()) {
        problem(
            end,
            Message.format(
                "ends at 0x%x the range that starts at 0x%x: expected a DeviceID that is not below it; the range is"
                    + " ignored",
                end.deviceId(), from.deviceId()));
      } else {
        add(from.deviceId(), end.deviceId(), from);
      }
    }

    /** Where another range starts or the block ends, no range may be open. */
    void end() {
      if (start != null) {
        problem(start, "starts a range that no entry ends; it is ignored");
        start = null;
      }
    }

    private void add(int first, int last, DeviceEntry entry) {
      if (!entry.isAlias()) {
        ranges.add(new IdRange(first, last, entry, OptionalInt.empty()));
        return;
      }
      int alias = entry.sourceId();
      ranges.add(new IdRange(first, last, entry, OptionalInt.of(alias)));
      ranges.add(new IdRange(alias, alias, entry, OptionalInt.empty()));
    }

    private void problem(DeviceEntry entry, String text) {
      problems.add(IvrsRule.RANGE.problem(entry.offset(), "%s %s", where(ivhd, entry), text));
    }
  }

  /** Returns where an entry is, for messages. */
  static String where(Ivhd ivhd, DeviceEntry entry) {
    return Message.format(
        "%s, entry at offset 0x%x (%s)",
        ivhd.where(), entry.offset(), DeviceEntry.label(entry.rawType()));
  }
}
