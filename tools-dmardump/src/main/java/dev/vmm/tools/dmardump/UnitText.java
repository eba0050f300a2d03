package dev.vmm.tools.dmardump;

import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.QueueReport;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The text of a unit's queues and interrupt-remapping tables. */
final class UnitText {
  private UnitText() {}

  /** Adds a line for each queue that is in use, and for each of its pending entries. */
  static void queues(List<QueueReport> queues, Lines lines) {
    for (QueueReport queue : queues) {
      if (!queue.enabled()) {
        continue;
      }
      lines.add(
          1,
          String.format(
              Locale.ROOT,
              "%s%s @ 0x%x: %d entries of %d bytes, head 0x%x, tail 0x%x, %s",
              queue.name().substring(0, 1).toUpperCase(Locale.ROOT),
              queue.name().substring(1),
              queue.hpa(),
              queue.entries(),
              queue.entryBytes(),
              queue.head(),
              queue.tail(),
              queue.state()));
      List<List<String>> rows = new ArrayList<>();
      for (QueueReport.Entry entry : queue.pending()) {
        rows.add(
            List.of(
                String.format(Locale.ROOT, "[0x%x]", entry.index()), entry.raw(), entry.meaning()));
      }
      Text.align(rows).forEach(row -> lines.add(2, row));
    }
  }

  /**
   * Adds the tables that are in use, with a line for each present entry and, if verbose, its
   * fields.
   */
  static void interrupts(List<InterruptTableReport> tables, boolean verbose, Lines lines) {
    for (InterruptTableReport table : tables) {
      if (!table.enabled() && !verbose) {
        continue;
      }
      lines.add(
          1,
          String.format(
              Locale.ROOT,
              "Interrupt-remapping table of %s @ 0x%x: %s, %s, %d of %d entries present",
              table.of(),
              table.hpa(),
              table.enabled() ? "on" : "off",
              table.mode(),
              table.present().size(),
              table.entries()));
      List<List<String>> rows = new ArrayList<>();
      for (InterruptTableReport.Entry entry : table.present()) {
        rows.add(
            List.of(
                String.format(Locale.ROOT, "[0x%x]", entry.index()),
                verbose ? entry.raw() : "",
                entry.meaning()));
      }
      List<String> aligned = Text.align(rows);
      for (int i = 0; i < aligned.size(); i++) {
        lines.add(2, aligned.get(i));
        if (verbose) {
          TableText.inline(table.present().get(i).fields(), 3, lines);
        }
      }
    }
  }
}
