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

  /** What of DST is reserved in xAPIC mode, whose ids are in bits 47:40. */
  private static final long BESIDE_SHORT_ID = 0xffff_00ff_0000_0000L;

  private static final int RESERVED_SVT = 3;

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
    FieldReport.Meaning words = (name, value) -> meaning(name, value, high, extended);
    List<FieldReport> fields = new ArrayList<>(FieldReport.all(IrteHigh.LAYOUT, high.raw(), words));
    String meaning;
    long reserved;
    boolean illegal = IrteHigh.SVT.get(high.raw()) == RESERVED_SVT;
    if (low.im()) {
      PostedIrteLow posted = new PostedIrteLow(low.raw());
      fields.addAll(FieldReport.all(PostedIrteLow.LAYOUT, low.raw(), words));
      reserved = low.raw() & PostedIrteLow.LAYOUT.reservedMask();
      meaning =
          String.format(
              Locale.ROOT,
              "posted, vector 0x%x, descriptor 0x%x, %s",
              posted.vv(),
              posted.descriptor(high),
              high.source());
    } else {
      fields.addAll(FieldReport.all(IrteLow.LAYOUT, low.raw(), words));
      // Reserved for remapped interrupts.
      reserved =
          (low.raw() & IrteLow.LAYOUT.reservedMask())
              | (high.raw() & IrteHigh.PDAH.mask())
              | (extended ? 0 : low.raw() & BESIDE_SHORT_ID);
      illegal |= IrteLow.isReserved(IrteLow.DLM.get(low.raw()));
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
    if ((illegal || reserved != 0) && problems.size() < 1000) {
      problems.add(
          String.format(
              Locale.ROOT,
              "interrupt-remapping entry 0x%x at 0x%x has reserved bits or codes: %s",
              index,
              at,
              Words.hex(high.raw(), low.raw())));
    }
    return new InterruptTableReport.Entry(index, Words.hex(high.raw(), low.raw()), meaning, fields);
  }

  private static String meaning(String name, long value, IrteHigh high, boolean extended) {
    boolean set = value != 0;
    return switch (name.substring(name.indexOf('.') + 1)) {
      case "PDAH" -> "descriptor address, bits 63:32";
      case "PDAL" -> "descriptor address, bits 31:6";
      case "SVT" ->
          switch ((int) value) {
            case 0 -> "no source is checked";
            case 1 -> "the source must be SID as far as SQ says";
            case 2 -> "the source's bus must be in SID";
            default -> "reserved";
          };
      case "SQ" ->
          switch ((int) value) {
            case 0 -> "all bits count";
            case 1 -> "function bit 2 does not count";
            case 2 -> "function bits 2:1 do not count";
            default -> "function bits 2:0 do not count";
          };
      case "SID" -> IrteHigh.SVT.get(high.raw()) == 0 ? "" : high.source();
      case "DST" -> extended ? "x2APIC id" : "xAPIC id in bits 15:8";
      case "IM" -> set ? "posted" : "remapped";
      case "URG" -> set ? "urgent" : "not urgent";
      case "DLM" -> IrteLow.delivery(value);
      case "TM" -> set ? "level" : "edge";
      case "RH" -> set ? "to one of the processors in DST" : "to the processors in DST";
      case "DM" -> set ? "logical" : "physical";
      case "FPD" -> set ? "faults are not recorded" : "faults are recorded";
      default -> "";
    };
  }
}
