package dev.vmm.iommu.intel.inspect;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.structs.IrteHigh;
import dev.vmm.iommu.intel.structs.IrteLow;
import dev.vmm.iommu.intel.structs.PostedIrteLow;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads the interrupt-remapping table. Stateless. Source: VT-d r4.1, "Interrupt-Remapping Table".
 */
final class InterruptTableReader {
  static final int ENTRY_BYTES = 16;

  private InterruptTableReader() {}

  /** Returns how many bytes IRTA_REG's table has. */
  static long bytes(long irta) {
    return (2L << IrtaReg.S.get(irta)) * ENTRY_BYTES;
  }

  static InterruptTableReport read(long irta, PhysicalMemory memory, boolean enabled) {
    long hpa = irta & IrtaReg.IRTA.mask();
    int entries = (int) (bytes(irta) / ENTRY_BYTES);
    boolean extended = IrtaReg.EIME.isSet(irta);
    List<InterruptTableReport.Entry> present = new ArrayList<>();
    List<String> problems = new ArrayList<>();
    if (hpa != 0 && !Words.inRam(memory, hpa, bytes(irta))) {
      problems.add(
          String.format(
              Locale.ROOT, "IRTA_REG leads to a table at 0x%x, which is not all in RAM", hpa));
    } else if (hpa != 0) {
      for (int i = 0; i < entries; i++) {
        long at = hpa + (long) i * ENTRY_BYTES;
        IrteLow low = new IrteLow(memory.read64(at));
        if (low.p()) {
          present.add(entry(i, at, low, new IrteHigh(memory.read64(at + 8)), extended, problems));
        }
      }
    }
    return new InterruptTableReport(
        "all devices", enabled, hpa, entries, extended ? "x2APIC" : "xAPIC", present, problems);
  }

  private static InterruptTableReport.Entry entry(
      int index, long at, IrteLow low, IrteHigh high, boolean extended, List<String> problems) {
    List<FieldReport> fields = new ArrayList<>(FieldReport.of(IrteHigh.LAYOUT, high.raw()));
    String meaning;
    long reserved;
    if (low.im()) {
      PostedIrteLow posted = new PostedIrteLow(low.raw());
      fields.addAll(FieldReport.of(PostedIrteLow.LAYOUT, low.raw()));
      reserved = low.raw() & PostedIrteLow.LAYOUT.reservedMask();
      meaning =
          String.format(
              Locale.ROOT,
              "posted, vector 0x%x, descriptor 0x%x, %s",
              posted.vv(),
              posted.descriptor(high),
              high.source());
    } else {
      fields.addAll(FieldReport.of(IrteLow.LAYOUT, low.raw()));
      // Reserved for remapped interrupts.
      reserved = (low.raw() & IrteLow.LAYOUT.reservedMask()) | (high.raw() & IrteHigh.PDAH.mask());
      meaning =
          String.format(
              Locale.ROOT,
              "%s, vector 0x%x, %s APIC 0x%x, %s, %s",
              low.delivery(),
              low.v(),
              IrteLow.DM.isSet(low.raw()) ? "logical" : "physical",
              low.destination(extended),
              IrteLow.TM.isSet(low.raw()) ? "level" : "edge",
              high.source());
    }
    reserved |= high.raw() & IrteHigh.LAYOUT.reservedMask();
    if (reserved != 0 && problems.size() < 1000) {
      problems.add(
          String.format(
              Locale.ROOT,
              "interrupt-remapping entry 0x%x at 0x%x has reserved bits set: %s",
              index,
              at,
              Words.hex(high.raw(), low.raw())));
    }
    return new InterruptTableReport.Entry(index, Words.hex(high.raw(), low.raw()), meaning, fields);
  }
}
