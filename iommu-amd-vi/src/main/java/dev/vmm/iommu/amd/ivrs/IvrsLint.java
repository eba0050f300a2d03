package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.Madt;
import dev.vmm.acpi.decode.DecodedTable;
import dev.vmm.acpi.decode.ReservedRange;
import dev.vmm.acpi.decode.TableProblem;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.TableContext;
import dev.vmm.iommu.inspect.TableReport;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Finds mistakes and surprises in an IVRS table. Never throws for what the table says. Stateless
 * and thread-safe.
 */
public final class IvrsLint {
  private static final ReservedRange.Rules REGIONS =
      new ReservedRange.Rules(
          IvrsRule.IVMD_BEYOND_WIDTH,
          IvrsRule.IVMD_LARGE,
          IvrsRule.IVMD_OVERLAP,
          IvrsRule.IVMD_OUTSIDE_MEMORY,
          IvrsRule.IVMD_USABLE_MEMORY,
          IvrsRule.IVMD_NOT_RESERVED);

  private final List<Finding> findings = new ArrayList<>();
  private final List<Ivhd> ivhds = new ArrayList<>();
  private final List<Ivmd> ivmds = new ArrayList<>();
  private final IvInfo ivInfo;

  private IvrsLint(IvInfo ivInfo, List<IvrsBlock> blocks) {
    this.ivInfo = ivInfo;
    for (IvrsBlock block : blocks) {
      if (block instanceof Ivhd ivhd) {
        ivhds.add(ivhd);
      } else if (block instanceof Ivmd ivmd) {
        ivmds.add(ivmd);
      }
    }
  }

  /**
   * Returns the findings, by offset.
   *
   * @param context where the table is from, to see which devices are there and what is reserved
   */
  public static List<Finding> of(AcpiTable table, TableContext context) {
    DecodedTable<IvrsBlock> decoded = IvrsReporter.decode(table);
    List<Finding> findings =
        new ArrayList<>(decoded.problems().stream().map(TableProblem::finding).toList());
    if (table.signature().equals(IvrsLayout.FORMAT.signature())
        && table.lengthBytes() >= IvrsLayout.FORMAT.structures()) {
      for (TableReport.Reserved reserved : decoded.report().reserved()) {
        findings.add(IvrsRule.RESERVED_BITS.at(reserved.field().offset(), "%s", reserved.text()));
      }
      IvInfo ivInfo = new IvInfo(table.reader().u32(IvrsLayout.IVINFO));
      IvrsLint lint = new IvrsLint(ivInfo, decoded.sound());
      lint.table();
      context.machine().ifPresent(lint::onMachine);
      findings.addAll(lint.findings);
      findings.addAll(ReservedRange.misplaced(lint.regions(), context, REGIONS));
    }
    findings.sort(Comparator.comparingInt(Finding::offset));
    return List.copyOf(findings);
  }

  private void table() {
    if (ivInfo.dmaRemapSup()) {
      add(IvrsRule.DMA_REMAP, IvrsLayout.IVINFO, "DmaRemapSup is set in IVinfo 0x%x", ivInfo.raw());
    }
    List<Ivhd> units = IvrsTable.newest(ivhds);
    if (units.isEmpty()) {
      add(
          IvrsRule.NO_UNIT,
          IvrsLayout.FORMAT.structures(),
          "no IVHD can be read: there is no unit");
    } else if (units.stream().noneMatch(IvrsLint::hasIoapic)) {
      add(
          IvrsRule.NO_IOAPIC,
          IvrsLayout.FORMAT.structures(),
          "none of %d units has an entry for an I/O APIC",
          units.size());
    }
    units.forEach(this::unit);
    ivhds.forEach(this::twice);
    disagreements(units);
    UnitMap.conflicts(units).forEach(conflict -> findings.add(conflict.finding()));
    ivmds.forEach(this::memory);
    findings.addAll(ReservedRange.lint(regions(), ivInfo.paSize(), REGIONS));
  }

  private static boolean hasIoapic(Ivhd unit) {
    return unit.entries().stream().anyMatch(entry -> entry.variety() == DeviceEntry.IOAPIC);
  }

  private void unit(Ivhd unit) {
    if (ivInfo.paSize() < 64 && unit.registerBaseHpa() >>> ivInfo.paSize() != 0) {
      add(
          IvrsRule.BASE_BEYOND_WIDTH,
          unit.offset(),
          "%s has register base 0x%x, beyond the %d bits of PASize",
          unit.where(),
          unit.registerBaseHpa(),
          ivInfo.paSize());
    }
    if (IdRange.of(unit, new ArrayList<>()).isEmpty()) {
      add(IvrsRule.UNIT_WITHOUT_DEVICES, unit.offset(), "%s names no device", unit.where());
    }
  }

  /**
   * Two entries of one type for one id that do not say the same. Entries of other types refine each
   * other: firmware names a bus in one range, and in another the alias of some of it.
   */
  private void twice(Ivhd ivhd) {
    Map<Integer, IdRuns<DeviceEntry>> byType = new HashMap<>();
    for (IdRange range : IdRange.of(ivhd, new ArrayList<>())) {
      DeviceEntry entry = range.entry();
      boolean own = range.contains(entry.deviceId()) && !range.all() && !isSpecial(entry);
      if (!own || (entry.isAlias() && range.alias().isEmpty())) {
        continue;
      }
      byType
          .computeIfAbsent(entry.rawType(), type -> new IdRuns<>())
          .put(range.first(), range.last(), entry)
          .filter(before -> !saysSame(before, entry))
          .ifPresent(
              before ->
                  add(
                      IvrsRule.DEVICE_TWICE,
                      entry.offset(),
                      "%s is for DeviceIDs 0x%x to 0x%x, and %s says other things of some of them",
                      IdRange.where(ivhd, entry),
                      range.first(),
                      range.last(),
                      IdRange.where(ivhd, before)));
    }
  }

  private static boolean saysSame(DeviceEntry one, DeviceEntry other) {
    return one.settings().equals(other.settings()) && one.sourceId() == other.sourceId();
  }

  private static boolean isSpecial(DeviceEntry entry) {
    return entry.type() == DeviceEntry.Type.SPECIAL || entry.type() == DeviceEntry.Type.ACPI_HID;
  }

  /** Says whether it names one device by a DeviceID of its own. */
  private static boolean isFunction(DeviceEntry entry) {
    return switch (entry.type()) {
      case SELECT, EXTENDED_SELECT, ALIAS_SELECT -> true;
      default -> false;
    };
  }

  /**
   * An older description of a unit must treat each device that it names as the newest does; it may
   * name fewer.
   */
  private void disagreements(List<Ivhd> units) {
    Map<Rid, Ivhd> newest = new HashMap<>();
    units.forEach(unit -> newest.put(unit.rid(), unit));
    Map<Rid, Treatment> known = new HashMap<>();
    for (Ivhd ivhd : ivhds) {
      Ivhd unit = newest.get(ivhd.rid());
      if (unit == null || unit.type() == ivhd.type()) {
        continue;
      }
      Treatment.of(ivhd)
          .differsFrom(known.computeIfAbsent(unit.rid(), rid -> Treatment.of(unit)))
          .ifPresent(
              id ->
                  add(
                      IvrsRule.KINDS_DISAGREE,
                      ivhd.offset(),
                      "%s and %s describe unit %s, and do not say the same of DeviceID 0x%x",
                      ivhd.where(),
                      unit.where(),
                      unit.rid(),
                      id));
    }
  }

  private void memory(Ivmd ivmd) {
    if (ivmd.firstId() == 0 && ivmd.lastId() == IvrsLayout.LAST_ID && ivmd.pages().isPresent()) {
      add(
          IvrsRule.IVMD_ALL_DEVICES,
          ivmd.offset(),
          "%s reserves %s for every device of segment %04x",
          ivmd.where(),
          ivmd.pages().get(),
          ivmd.segment());
    }
  }

  private List<ReservedRange> regions() {
    List<ReservedRange> regions = new ArrayList<>();
    for (Ivmd ivmd : ivmds) {
      ivmd.pages()
          .ifPresent(
              pages -> regions.add(ReservedRange.of(ivmd, ivmd.startHpa(), ivmd.lastHpa(), pages)));
    }
    return regions;
  }

  private void onMachine(Machine machine) {
    for (Ivhd unit : IvrsTable.newest(ivhds)) {
      if (machine.pci().function(unit.rid()).isEmpty()) {
        add(
            IvrsRule.UNIT_ABSENT,
            unit.offset(),
            "%s is the unit %s, and no function is there",
            unit.where(),
            unit.rid());
      }
      for (DeviceEntry entry : unit.entries()) {
        Rid rid = Rid.of(unit.segment(), entry.deviceId());
        if (isFunction(entry) && machine.pci().function(rid).isEmpty()) {
          add(
              IvrsRule.DEVICE_ABSENT,
              entry.offset(),
              "%s names %s, and no function is there",
              IdRange.where(unit, entry),
              rid);
        }
      }
    }
    for (Ivmd ivmd : ivmds) {
      Rid rid = Rid.of(ivmd.segment(), ivmd.deviceId());
      if (ivmd.type() == IvrsLayout.IVMD_SELECT && machine.pci().function(rid).isEmpty()) {
        add(
            IvrsRule.DEVICE_ABSENT,
            ivmd.offset(),
            "%s reserves memory for %s, and no function is there",
            ivmd.where(),
            rid);
      }
    }
    ioapics(machine);
  }

  private void ioapics(Machine machine) {
    List<Ivhd> units = IvrsTable.newest(ivhds);
    if (units.stream().noneMatch(IvrsLint::hasIoapic)) {
      return; // told already
    }
    Set<Integer> named = new HashSet<>();
    for (Ivhd unit : units) {
      for (DeviceEntry entry : unit.entries()) {
        if (entry.variety() == DeviceEntry.IOAPIC) {
          named.add(entry.handle());
        }
      }
    }
    for (Madt.IoApic ioapic : Madt.find(machine.acpi()).map(Madt::ioApics).orElse(List.of())) {
      if (!named.contains(ioapic.id())) {
        add(
            IvrsRule.IOAPIC_MISSING,
            IvrsLayout.FORMAT.structures(),
            "APIC offset 0x%x is the I/O APIC 0x%x, for which no unit has an entry",
            ioapic.offset(),
            ioapic.id());
      }
    }
  }

  private void add(IvrsRule rule, int offset, String format, Object... args) {
    findings.add(rule.at(offset, format, args));
  }
}
