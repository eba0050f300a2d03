package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.amd.structs.DteWord2;
import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads the interrupt-remapping table of a device entry. Stateless. Source: 48882 rev 3.10,
 * "Interrupt Remapping Tables".
 */
final class InterruptTableReader {
  /** IntCtl: fixed and arbitrated interrupts are remapped. */
  private static final int REMAP = 2;

  private static final int LONGEST = 11;
  private static final int MAX_PROBLEMS = 1000;

  private InterruptTableReader() {}

  /** Says whether a device entry leads to a table. */
  static boolean isRemapped(long word2) {
    return DteWord2.IV.isSet(word2) && DteWord2.INT_CTL.get(word2) == REMAP;
  }

  static long bytes(long word2, boolean wide) {
    return (wide ? 16L : 4L) << DteWord2.INT_TAB_LEN.get(word2);
  }

  /**
   * Reads a table.
   *
   * @param wide whether entries have 128 bits, as with GAEn, and not 32
   * @param most how many present entries it tells of; of those after them only how many there are
   */
  static InterruptTableReport read(
      String of, long word2, boolean wide, PhysicalMemory memory, int most) {
    long hpa = word2 & DteWord2.INT_TABLE_ROOT.mask();
    int code = (int) DteWord2.INT_TAB_LEN.get(word2);
    List<InterruptTableReport.Entry> present = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    if (code > LONGEST) {
      problems.add(of + ": the interrupt table has the reserved length code " + code);
    } else if (!Words.inRam(memory, hpa, bytes(word2, wide))) {
      problems.add(
          String.format(Locale.ROOT, "%s: the interrupt table at 0x%x is not all in RAM", of, hpa));
    } else {
      int leftOut = 0;
      for (int i = 0; i < 1 << code; i++) {
        long at = hpa + (wide ? 16L : 4L) * i;
        long low = wide ? memory.read64(at) : memory.read(at, Irte.BYTES);
        if (Irte.REMAP_EN.isSet(low) && present.size() == most) {
          leftOut++;
        } else if (Irte.REMAP_EN.isSet(low)) {
          InterruptEntry entry =
              wide
                  ? InterruptEntry.wide(i, low, memory.read64(at + 8))
                  : InterruptEntry.narrow(i, low);
          present.add(entry.report());
          if (entry.illegal() && problems.size() < MAX_PROBLEMS) {
            problems.add(
                String.format(
                    Locale.ROOT,
                    "%s: interrupt table entry 0x%x at 0x%x has reserved bits or a reserved type: %s",
                    of,
                    i,
                    at,
                    entry.report().raw()));
          }
        }
      }
      if (leftOut > 0) {
        problems.add(of + ": " + leftOut + " present interrupt table entries are left out");
      }
    }
    return new InterruptTableReport(
        of, true, hpa, 1 << code, wide ? "128-bit entries" : "32-bit entries", present, problems);
  }
}
