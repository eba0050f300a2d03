package dev.vmm.iommu.amd.inspect;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.structs.GuestIrteHigh;
import dev.vmm.iommu.amd.structs.GuestIrteLow;
import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.iommu.amd.structs.WideIrteHigh;
import dev.vmm.iommu.amd.structs.WideIrteLow;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.support.inspect.Words;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A present entry of an interrupt table in words. Source: 48882 rev 3.10, "Interrupt Remapping
 * Tables".
 *
 * @param report the words
 * @param illegal whether it has reserved bits set or a reserved type: it stops the interrupt
 */
record InterruptEntry(InterruptTableReport.Entry report, boolean illegal) {
  private static final int LAST_TYPE = 1;

  /** Returns an entry of 32 bits whose RemapEn is set. */
  static InterruptEntry narrow(int index, long raw) {
    long type = Irte.INT_TYPE.get(raw);
    boolean reserved = isReserved(raw, Irte.LAYOUT) || Irte.GUEST_MODE.isSet(raw);
    return new InterruptEntry(
        new InterruptTableReport.Entry(
            index,
            String.format(Locale.ROOT, "0x%08x", raw),
            host(type, Irte.VECTOR.get(raw), Irte.DM.isSet(raw), Irte.DESTINATION.get(raw))
                + tail(reserved),
            FieldReport.all(Irte.LAYOUT, raw, InterruptEntry::meaning)),
        reserved || type > LAST_TYPE);
  }

  /** Returns an entry of 128 bits whose RemapEn is set. */
  static InterruptEntry wide(int index, long low, long high) {
    boolean guest = WideIrteLow.GUEST_MODE.isSet(low);
    Layout highLayout = guest ? GuestIrteHigh.LAYOUT : WideIrteHigh.LAYOUT;
    Layout lowLayout = guest ? GuestIrteLow.LAYOUT : WideIrteLow.LAYOUT;
    long destination =
        WideIrteLow.DESTINATION_LOW.get(low) | WideIrteHigh.DESTINATION_HIGH.get(high) << 24;
    long vector = WideIrteHigh.VECTOR.get(high);
    long type = guest ? 0 : WideIrteLow.INT_TYPE.get(low);
    boolean reserved = isReserved(low, lowLayout) || isReserved(high, highLayout);
    List<FieldReport> fields =
        new ArrayList<>(FieldReport.all(highLayout, high, InterruptEntry::meaning));
    fields.addAll(FieldReport.all(lowLayout, low, InterruptEntry::meaning));
    return new InterruptEntry(
        new InterruptTableReport.Entry(
            index,
            Words.hex(high, low),
            (guest
                    ? guest(low, high, vector, destination)
                    : host(type, vector, WideIrteLow.DM.isSet(low), destination))
                + tail(reserved),
            fields),
        reserved || type > LAST_TYPE);
  }

  private static String tail(boolean reserved) {
    return reserved ? ", reserved bits are set" : "";
  }

  private static boolean isReserved(long raw, Layout layout) {
    return (raw & layout.reservedMask()) != 0;
  }

  private static String host(long type, long vector, boolean logical, long destination) {
    return String.format(
        Locale.ROOT,
        "%s, vector 0x%x, %s APIC 0x%x",
        type(type),
        vector,
        logical ? "logical" : "physical",
        destination);
  }

  private static String guest(long low, long high, long vector, long destination) {
    return String.format(
        Locale.ROOT,
        "for a guest's virtual APIC at 0x%x, vector 0x%x, %s, tag 0x%x",
        high & GuestIrteHigh.GUEST_V_APIC_ROOT.mask(),
        vector,
        GuestIrteLow.IS_RUN.isSet(low)
            ? "runs on APIC 0x" + Long.toHexString(destination)
            : "does not run",
        GuestIrteLow.GA_TAG.get(low));
  }

  private static String type(long type) {
    return type == 0 ? "fixed" : type == 1 ? "arbitrated" : "reserved type " + type;
  }

  private static String meaning(String name, long value) {
    boolean set = value != 0;
    return switch (name.substring(name.indexOf('.') + 1)) {
      case "Destination" -> "APIC id";
      case "DestinationLow" -> "APIC id, bits 23:0";
      case "DestinationHigh" -> "APIC id, bits 31:24";
      case "GuestMode" -> set ? "for a guest's virtual APIC" : "for the host";
      case "GuestVApicRoot" -> "virtual APIC at 0x" + Long.toHexString(value << 12);
      case "IsRun" -> set ? "the guest's processor runs" : "the guest's processor does not run";
      case "GALogIntr" -> set ? "told by the guest virtual APIC log" : "not logged";
      case "DM" -> set ? "logical" : "physical";
      case "RqEoi" -> set ? "asks for an end of interrupt" : "asks for no end of interrupt";
      case "IntType" -> type(value);
      case "SupIOPF" -> set ? "faults are not told" : "faults are told";
      case "RemapEn" -> set ? "remapped" : "stopped";
      default -> "";
    };
  }
}
