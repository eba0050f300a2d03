package dev.vmm.iommu.intel.inspect;

import dev.vmm.VmmException;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.FaultReason;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.intel.regs.TranslationTableMode;
import dev.vmm.iommu.intel.structs.ContextEntryHigh;
import dev.vmm.iommu.intel.structs.ContextEntryLow;
import dev.vmm.iommu.intel.structs.RootEntryHigh;
import dev.vmm.iommu.intel.structs.RootEntryLow;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.structs.TranslationType;
import dev.vmm.iommu.pagetable.PageTableTrace;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.UnitAccess;
import dev.vmm.iommu.support.inspect.WalkSteps;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.Locale;

/**
 * Follows one address of one requester id as the unit does, in legacy mode. Used once, by one
 * thread. Source: VT-d r4.1, "Legacy Mode Address Translation", "Translation Faults", "Handling
 * Requests to Interrupt Address Range".
 */
public final class WalkReader {
  private static final long FIRST_INTERRUPT = 0xfee0_0000L;
  private static final long LAST_INTERRUPT = 0xfeef_ffffL;

  private final PhysicalMemory memory;
  private final Rid rid;
  private final long iova;
  private final WalkSteps steps;

  private WalkReader(String unit, PhysicalMemory memory, Rid rid, long iova) {
    this.memory = memory;
    this.rid = rid;
    this.iova = iova;
    this.steps = new WalkSteps(unit, rid, iova);
  }

  /**
   * Follows the address.
   *
   * @param unit the unit's name
   * @param hostAddressWidth by the DMAR table, in bits
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public static WalkReport walk(
      String unit, Drhd drhd, int hostAddressWidth, Machine machine, Rid rid, long iova) {
    WalkReader reader = new WalkReader(unit, machine.memory(), rid, iova);
    String[] problem = {""};
    return UnitAccess.open(
            machine, unit, drhd.registerBaseHpa(), drhd.registerBytes(), why -> problem[0] = why)
        .map(registers -> reader.walk(registers, hostAddressWidth))
        .orElseGet(() -> reader.steps.fault(problem[0]));
  }

  private WalkReport walk(UnitRegisters registers, int hostAddressWidth) {
    CapReg cap = new CapReg(registers.read(CapReg.LAYOUT, CapReg.OFFSET));
    EcapReg ecap = new EcapReg(registers.read(EcapReg.LAYOUT, EcapReg.OFFSET));
    if (cap.raw() == -1L) {
      return steps.fault("every register reads all ones: no unit answers");
    }
    GstsReg status = new GstsReg(registers.read(GstsReg.LAYOUT, GstsReg.OFFSET));
    boolean interrupt = iova >= FIRST_INTERRUPT && iova <= LAST_INTERRUPT;
    if (interrupt) {
      // Whatever the entries say, and also with translation off.
      steps.add("interrupt range", 0, iova, hex("", iova), interrupt(registers, status));
    }
    if (!status.tes()) {
      return steps.untranslated("translation is off: the address goes out as it is");
    }
    RtaddrReg root = new RtaddrReg(registers.read(RtaddrReg.LAYOUT, RtaddrReg.OFFSET));
    if (root.mode() == TranslationTableMode.ABORT) {
      return steps.fault(reason(FaultReason.SM_TTM_ABORT));
    }
    if (root.mode() != TranslationTableMode.LEGACY) {
      return steps.fault("the unit is in " + root.mode().text() + ": only legacy mode is followed");
    }
    if (interrupt) {
      return steps.fault("a read: " + reason(FaultReason.INTERRUPT_ADDRESS));
    }
    return legacy(
        root.rootTable(),
        cap,
        new SecondStageFormat(Math.min(52, hostAddressWidth), cap.pageSizes(), ecap.sc()));
  }

  private static String interrupt(UnitRegisters registers, GstsReg status) {
    return "a write is an interrupt, which "
        + (GstsReg.IRES.isSet(status.raw())
            ? hex(
                "is remapped by table ",
                IrtaReg.IRTA.mask() & registers.read(IrtaReg.LAYOUT, IrtaReg.OFFSET))
            : "passes as it is (IRES is 0)");
  }

  private WalkReport legacy(long rootTable, CapReg cap, SecondStageFormat format) {
    long at = rootTable + 16L * rid.bus();
    if (!Words.inRam(memory, at, 16)) {
      return steps.fault(reason(FaultReason.ROOT_ENTRY_ACCESS));
    }
    RootEntryLow rootLow = new RootEntryLow(memory.read64(at));
    long rootHigh = memory.read64(at + 8);
    steps.add(
        "root entry",
        rid.bus(),
        at,
        Words.hex(rootHigh, rootLow.raw()),
        rootLow.p() ? hex("context table ", rootLow.contextTable()) : "not present");
    if (!rootLow.p()) {
      return steps.fault(reason(FaultReason.ROOT_ENTRY_NOT_PRESENT));
    }
    if (((rootLow.raw() & RootEntryLow.LAYOUT.reservedMask())
            | (rootHigh & RootEntryHigh.LAYOUT.reservedMask()))
        != 0) {
      return steps.fault(reason(FaultReason.ROOT_ENTRY_RESERVED));
    }
    at = rootLow.contextTable() + 16L * rid.devfn();
    if (!Words.inRam(memory, at, 16)) {
      return steps.fault(reason(FaultReason.CONTEXT_ENTRY_ACCESS));
    }
    return context(
        at,
        new ContextEntryLow(memory.read64(at)),
        new ContextEntryHigh(memory.read64(at + 8)),
        cap,
        format);
  }

  private WalkReport context(
      long at, ContextEntryLow low, ContextEntryHigh high, CapReg cap, SecondStageFormat format) {
    String raw = Words.hex(high.raw(), low.raw());
    if (!low.p()) {
      steps.add("context entry", rid.devfn(), at, raw, "not present");
      return steps.fault(reason(FaultReason.CONTEXT_ENTRY_NOT_PRESENT));
    }
    TranslationType type = low.translationType();
    boolean translates =
        type == TranslationType.UNTRANSLATED_ONLY || type == TranslationType.DEVICE_TLB;
    steps.add(
        "context entry",
        rid.devfn(),
        at,
        raw,
        hex("domain ", high.did())
            + ", "
            + type.text()
            + (translates ? hex(", table ", low.tableRoot()) : ""));
    if (((low.raw() & ContextEntryLow.LAYOUT.reservedMask())
            | (high.raw() & ContextEntryHigh.LAYOUT.reservedMask()))
        != 0) {
      return steps.fault(reason(FaultReason.CONTEXT_ENTRY_RESERVED));
    }
    if (type == TranslationType.PASS_THROUGH) {
      return steps.untranslated("");
    }
    int levels = high.levels();
    if (!translates || levels == 0 || (cap.sagaw() & (1 << (levels - 2))) == 0) {
      return steps.fault(reason(FaultReason.CONTEXT_ENTRY_INVALID));
    }
    int width = Math.min(12 + 9 * levels, cap.guestAddressBits());
    if (width < 64 && iova >>> width != 0) {
      return steps.fault(reason(FaultReason.ADDRESS_BEYOND_WIDTH));
    }
    PageTableTrace.Result end =
        PageTableTrace.trace(format, memory, low.tableRoot(), levels, iova, steps.steps());
    return switch (end.end()) {
      case MAPPED ->
          steps.mapped(
              end.translation().orElseThrow(),
              reason(FaultReason.READ_NOT_PERMITTED),
              reason(FaultReason.WRITE_NOT_PERMITTED));
      case NOT_PRESENT, NOT_PERMITTED, SKIPPED_BITS ->
          steps.fault(
              reason(FaultReason.WRITE_NOT_PERMITTED)
                  + "; a read: "
                  + reason(FaultReason.READ_NOT_PERMITTED));
      case RESERVED -> steps.fault(reason(FaultReason.PAGING_ENTRY_RESERVED));
      case UNREADABLE -> steps.fault(reason(FaultReason.PAGING_ENTRY_ACCESS));
      case BEYOND_WIDTH -> steps.fault(reason(FaultReason.ADDRESS_BEYOND_WIDTH));
    };
  }

  private static String reason(FaultReason reason) {
    return String.format(Locale.ROOT, "reason 0x%x, %s", reason.code(), reason.text());
  }

  private static String hex(String what, long value) {
    return what + "0x" + Long.toHexString(value);
  }
}
