package dev.vmm.iommu.amd.inspect;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.EfrReg;
import dev.vmm.iommu.amd.regs.ExclBaseReg;
import dev.vmm.iommu.amd.regs.ExclLimitReg;
import dev.vmm.iommu.amd.structs.DteWord0;
import dev.vmm.iommu.amd.structs.DteWord1;
import dev.vmm.iommu.amd.structs.DteWord2;
import dev.vmm.iommu.amd.structs.EventCode;
import dev.vmm.iommu.amd.structs.HostPageFormat;
import dev.vmm.iommu.amd.structs.HostPte;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.pagetable.PageTableTrace;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.UnitAccess;
import dev.vmm.iommu.support.inspect.WalkSteps;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.Locale;
import java.util.Optional;

/**
 * Follows one address of one requester id as the unit does, through host tables. Used once, by one
 * thread. Source: 48882 rev 3.10, "Device Table Entry Format", "I/O Page Tables for Host
 * Translations", "Special Address Controls (GPA)", "Event Logging".
 */
public final class WalkReader {
  private static final int LEVELS_OF_HATS_0 = 4;
  private static final int NO_HOST_TABLES = 3;

  private final PhysicalMemory memory;
  private final int id;
  private final long iova;
  private final WalkSteps steps;

  private WalkReader(String unit, PhysicalMemory memory, Rid rid, int id, long iova) {
    this.memory = memory;
    this.id = id;
    this.iova = iova;
    this.steps = new WalkSteps(unit, rid, iova);
  }

  /**
   * Follows the address.
   *
   * @param unit the unit's name
   * @param alias the requester id that the function's requests carry, if it is another
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public static WalkReport walk(
      String unit, Ivhd ivhd, Machine machine, Rid rid, Optional<Rid> alias, long iova) {
    WalkReader reader = new WalkReader(unit, machine.memory(), rid, alias.orElse(rid).id16(), iova);
    String[] problem = {""};
    return UnitAccess.open(
            machine,
            unit,
            ivhd.registerBaseHpa(),
            UnitReader.REGISTER_BYTES,
            why -> problem[0] = why)
        .map(
            registers -> {
              EfrReg features =
                  UnitReader.features(UnitReader.capability(ivhd, machine), registers);
              return reader.walk(registers, features, alias);
            })
        .orElseGet(() -> reader.steps.fault(problem[0]));
  }

  private WalkReport walk(UnitRegisters registers, EfrReg features, Optional<Rid> alias) {
    long control = registers.read(ControlReg.LAYOUT, ControlReg.OFFSET);
    if (control == -1L) {
      return steps.fault("every register reads all ones: no unit answers");
    }
    if (!ControlReg.IOMMU_EN.isSet(control)) {
      return steps.untranslated("translation is off: the address goes out as it is");
    }
    alias.ifPresent(
        other ->
            steps.add(
                "alias",
                id,
                0,
                String.format(Locale.ROOT, "0x%04x", id),
                "by the IVRS its requests carry the requester id " + other));
    String[] problem = {"the device table has no entry for the id"};
    Optional<DeviceTableSegment> segment =
        DeviceTableSegment.of(registers, control, why -> problem[0] = why).stream()
            .filter(each -> each.contains(id))
            .findFirst();
    if (segment.isEmpty()) {
      return fault(EventCode.IO_PAGE_FAULT, problem[0]);
    }
    long at = segment.get().entryHpa(id);
    if (!Words.inRam(memory, at, DeviceTableSegment.ENTRY_BYTES)) {
      return fault(EventCode.DEV_TAB_HARDWARE_ERROR, hex("no memory is at ", at));
    }
    return entry(registers, features, at, EntryWords.read(memory, at));
  }

  private WalkReport entry(UnitRegisters registers, EfrReg features, long at, EntryWords words) {
    DteWord0 first = new DteWord0(words.word0());
    DteWord1 second = new DteWord1(words.word1());
    boolean walks = first.v() && first.tv() && first.mode() != 0;
    steps.add(
        "device table entry",
        id,
        at,
        words.hex(),
        hex("domain ", second.domainId())
            + ", "
            + DeviceTableReader.type(first)
            + (walks ? hex(", table ", first.hostRoot()) + " of level " + first.mode() : ""));
    Optional<SpecialRange> special = SpecialRange.of(iova);
    if (special.isPresent() && special.get().isInterrupt()) {
      return interrupt(first, words.word2(), special.get());
    }
    if (excluded(registers, features, first, second)) {
      return steps.untranslated("the address is in the exclusion range: it goes out as it is");
    }
    if (!first.v()) {
      return steps.untranslated("");
    }
    if (special.isPresent()) {
      Optional<WalkReport> end = special(special.get(), second);
      if (end.isPresent()) {
        return end.get();
      }
    }
    return translate(features, first, second);
  }

  private WalkReport translate(EfrReg features, DteWord0 first, DteWord1 second) {
    long reserved =
        reserved(DteWord0.LAYOUT, first.raw()) | reserved(DteWord1.LAYOUT, second.raw());
    if (reserved != 0) {
      return fault(EventCode.ILLEGAL_DEV_TABLE_ENTRY, hex("it has the reserved bits ", reserved));
    }
    int most = features.hats() == NO_HOST_TABLES ? 0 : LEVELS_OF_HATS_0 + features.hats();
    if (first.tv() && first.mode() > most) {
      return fault(
          EventCode.ILLEGAL_DEV_TABLE_ENTRY,
          "its Mode is "
              + first.mode()
              + ", and the unit walks at most "
              + most
              + " levels of host tables");
    }
    if (!first.tv()) {
      return fault(EventCode.IO_PAGE_FAULT, "TV is 0: every request is stopped");
    }
    if (first.gv()) {
      steps.add(
          "guest tables",
          0,
          0,
          "0x0",
          "GV is set: what a request with a PASID goes through first is not followed");
      if (DteWord0.G_IO_V.isSet(first.raw())) {
        return steps.fault(
            "not followed: GIoV is set, so a request without a PASID goes through the guest tables of PASID 0");
      }
    }
    Optional<Access> rights = access(first);
    if (rights.isEmpty()) {
      return fault(
          EventCode.IO_PAGE_FAULT, "the device table entry gives no right (IR and IW are 0)");
    }
    if (first.mode() == 0) {
      return mapped(new Translation(iova, PhysicalMemory.PAGE_BYTES, rights.get()));
    }
    return trace(first, rights.get());
  }

  private WalkReport trace(DteWord0 first, Access rights) {
    PageTableTrace.Result end =
        PageTableTrace.trace(
            new HostPageFormat(PhysicalMemory.PAGE_BYTES),
            memory,
            first.hostRoot(),
            first.mode(),
            iova,
            steps.steps());
    return switch (end.end()) {
      case MAPPED -> {
        Translation found = end.translation().orElseThrow();
        Access access = found.access().and(rights);
        yield access == null
            ? fault(
                EventCode.IO_PAGE_FAULT, "the page and the device table entry allow nothing both")
            : mapped(new Translation(found.hpa(), found.pageBytes(), access));
      }
      case NOT_PRESENT ->
          fault(
              EventCode.IO_PAGE_FAULT,
              HostPte.PR.isSet(end.entry())
                  ? "the entry gives no right (IR and IW are 0)"
                  : "the entry is not present (PR is 0)");
      case NOT_PERMITTED ->
          fault(EventCode.IO_PAGE_FAULT, "the entry allows nothing that those above it allow");
      case SKIPPED_BITS ->
          fault(EventCode.IO_PAGE_FAULT, "the address has bits set for a level that is left out");
      case RESERVED ->
          fault(EventCode.IO_PAGE_FAULT, "the entry has reserved bits or a level that cannot be");
      case UNREADABLE -> fault(EventCode.PAGE_TAB_HARDWARE_ERROR, "the table is not in memory");
      case BEYOND_WIDTH ->
          fault(
              EventCode.IO_PAGE_FAULT,
              "the address is beyond the width of " + first.mode() + " levels");
    };
  }

  /** Of a message's write the entry says what becomes of it; reads are never served. */
  private WalkReport interrupt(DteWord0 first, long word2, SpecialRange range) {
    String write =
        !DteWord2.IV.isSet(word2)
            ? "goes out as it is (IV is 0)"
            : switch ((int) DteWord2.INT_CTL.get(word2)) {
              case 0 -> "is stopped (IntCtl is 0)";
              case 1 -> "goes out as it is (IntCtl is 1)";
              case 2 -> hex("is remapped by table ", word2 & DteWord2.INT_TABLE_ROOT.mask());
              default -> "is illegal (IntCtl is 3)";
            };
    steps.add(range.text(), 0, iova, hex("", iova), "a write is an interrupt, which " + write);
    if (!first.v()) {
      return steps.untranslated("");
    }
    return steps.fault(
        "a read: " + text(EventCode.INVALID_DEVICE_REQUEST, "interrupt addresses cannot be read"));
  }

  /** What is decided before the page tables; empty where they decide. */
  private Optional<WalkReport> special(SpecialRange range, DteWord1 second) {
    int control =
        switch (range) {
          case SYSTEM_MANAGEMENT -> (int) DteWord1.SYS_MGT.get(second.raw());
          case PORT_IO -> (int) DteWord1.IO_CTL.get(second.raw());
          default -> 0;
        };
    steps.add(range.text(), 0, iova, hex("", iova), "no memory: the device table entry decides");
    boolean translated = range == SpecialRange.PORT_IO ? control >= 2 : control == 3;
    if (translated) {
      return Optional.empty();
    }
    if (control == 0) {
      return Optional.of(
          fault(
              EventCode.INVALID_DEVICE_REQUEST,
              switch (range) {
                case SYSTEM_MANAGEMENT -> "SysMgt is 0";
                case PORT_IO -> "IoCtl is 0";
                default -> "these addresses take no request";
              }));
    }
    return Optional.of(
        range == SpecialRange.PORT_IO
            ? steps.untranslated("")
            : steps.mapped(
                new Translation(iova, PhysicalMemory.PAGE_BYTES, Access.WRITE),
                text(EventCode.INVALID_DEVICE_REQUEST, "messages are written"),
                ""));
  }

  private boolean excluded(
      UnitRegisters registers, EfrReg features, DteWord0 first, DteWord1 second) {
    if (features.snpSup()) {
      return false; // the registers are those of the completion store then
    }
    long base = registers.read(ExclBaseReg.LAYOUT, ExclBaseReg.OFFSET);
    long limit = registers.read(ExclLimitReg.LAYOUT, ExclLimitReg.OFFSET);
    return ExclBaseReg.EX_EN.isSet(base)
        && (ExclBaseReg.ALLOW.isSet(base) || (first.v() && DteWord1.EX.isSet(second.raw())))
        && Long.compareUnsigned(iova, base & ExclBaseReg.EXCL_BASE.mask()) >= 0
        && Long.compareUnsigned(iova, (limit & ExclLimitReg.EXCL_LIMIT.mask()) | 0xfff) <= 0;
  }

  private static Optional<Access> access(DteWord0 first) {
    if (first.ir()) {
      return Optional.of(first.iw() ? Access.READ_WRITE : Access.READ);
    }
    return first.iw() ? Optional.of(Access.WRITE) : Optional.empty();
  }

  private static long reserved(Layout layout, long raw) {
    return raw & layout.reservedMask();
  }

  private WalkReport mapped(Translation translation) {
    return steps.mapped(
        translation,
        text(EventCode.IO_PAGE_FAULT, "an entry on the way has IR 0"),
        text(EventCode.IO_PAGE_FAULT, "an entry on the way has IW 0"));
  }

  private WalkReport fault(EventCode code, String why) {
    return steps.fault(text(code, why));
  }

  private static String text(EventCode code, String why) {
    return String.format(Locale.ROOT, "event 0x%x, %s: %s", code.code(), code.name(), why);
  }

  private static String hex(String what, long value) {
    return what + "0x" + Long.toHexString(value);
  }
}
