package dev.vmm.iommu.amd.inspect;

import dev.vmm.iommu.amd.structs.DteWord2;
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
   */
  static InterruptTableReport read(String of, long word2, boolean wide, PhysicalMemory memory) {
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
      for (int i = 0; i < 1 << code; i++) {
        if (wide) {
          wide(i, memory.read64(hpa + 16L * i), memory.read64(hpa + 16L * i + 8), present);
        } else {
          narrow(i, memory.read(hpa + 4L * i, 4), present);
        }
      }
    }
    return new InterruptTableReport(
        of, true, hpa, 1 << code, wide ? "128-bit entries" : "32-bit entries", present, problems);
  }

  /** RemapEn 0, IntType 4:2, DM 6, GuestMode 7, Destination 15:8, Vector 23:16. */
  private static void narrow(int index, long raw, List<InterruptTableReport.Entry> present) {
    if ((raw & 1) != 0) {
      present.add(
          new InterruptTableReport.Entry(
              index,
              String.format(Locale.ROOT, "0x%08x", raw),
              meaning(raw, raw >>> 16 & 0xff, raw >>> 8 & 0xff),
              List.of()));
    }
  }

  /** As the narrow one up to bit 7; Destination 31:8 and 127:120, Vector 71:64. */
  private static void wide(
      int index, long low, long high, List<InterruptTableReport.Entry> present) {
    if ((low & 1) != 0) {
      boolean guest = (low & 0x80) != 0;
      long destination = (low >>> 8 & 0xffffff) | (high >>> 56) << 24;
      present.add(
          new InterruptTableReport.Entry(
              index,
              Words.hex(high, low),
              guest
                  ? "for a guest's virtual APIC, vector 0x" + Long.toHexString(high & 0xff)
                  : meaning(low, high & 0xff, destination),
              List.of()));
    }
  }

  private static String meaning(long low, long vector, long destination) {
    return String.format(
        Locale.ROOT,
        "interrupt type %d, vector 0x%x, %s APIC 0x%x",
        low >>> 2 & 7,
        vector,
        (low & 0x40) == 0 ? "physical" : "logical",
        destination);
  }
}
