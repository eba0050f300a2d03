package dev.vmm.iommu.intel;

import dev.vmm.VmmException;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.dmar.UnitMap;
import dev.vmm.iommu.intel.inspect.FieldMeaning;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/** What a DMAR table says of a machine. Immutable but for what the units answer; thread-safe. */
final class IntelSurvey implements IommuSurvey {
  private final Machine machine;
  private final DmarTable table;
  private final UnitMap map;

  /** The PF of each VF; null until a scope has to decide, for a look at all functions is dear. */
  private @Nullable Map<Rid, Rid> physicalFunctions;

  IntelSurvey(Machine machine, DmarTable table) {
    this.machine = machine;
    this.table = table;
    this.map = UnitMap.of(table, machine.pci());
  }

  @Override
  public List<SurveyedUnit> units() {
    return table.drhds().stream().map(this::surveyed).toList();
  }

  /** A VF is in its PF's scope. */
  @Override
  public Optional<SurveyedUnit> unitOf(Rid rid) {
    return map.unitOf(physicalFunctionOf(rid)).map(this::surveyed);
  }

  private synchronized Rid physicalFunctionOf(Rid rid) {
    if (table.drhds().stream().allMatch(Drhd::includeAll)) {
      return rid;
    }
    Map<Rid, Rid> known = physicalFunctions;
    if (known == null) {
      known = new HashMap<>();
      for (PciFunction function : machine.pci().functions()) {
        known.put(function.rid(), function.physicalFunction().orElse(function.rid()));
      }
      physicalFunctions = known;
    }
    return known.getOrDefault(rid, rid);
  }

  private SurveyedUnit surveyed(Drhd drhd) {
    return new SurveyedUnit(IntelOpener.unitName(table.drhds().indexOf(drhd)), drhd.where());
  }

  @Override
  public String expectedUnit() {
    return UnitFacts.EXPECTED_UNIT;
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return map.reservedRegions(rid);
  }

  /** The DMAR table knows none. */
  @Override
  public List<Rid> aliases(Rid rid) {
    return List.of();
  }

  @Override
  public Permission interruptRemapping() {
    return new Permission(table.interruptRemapping(), table.interruptRemappingWhere());
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return UnitFacts.UNTRANSLATED;
  }

  @Override
  public Optional<IommuCapabilities> capabilities() {
    return read().map(this::capabilities);
  }

  private IommuCapabilities capabilities(Map<String, UnitFacts.Capable> read) {
    List<UnitFacts.Capable> units = List.copyOf(read.values());
    boolean interrupts = units.stream().allMatch(unit -> unit.ecap().ir() && unit.ecap().qi());
    return UnitFacts.ofCapable(table, units, interrupts)
        .capabilities(
            units.stream()
                .<IntUnaryOperator>map(unit -> levels -> Unit.reachBits(unit.cap(), levels))
                .toList());
  }

  @Override
  public List<String> evidence(Ability ability) {
    List<String> lines = new ArrayList<>();
    read()
        .orElse(Map.of())
        .forEach((where, unit) -> lines.add(where + ": " + evidence(ability, unit)));
    return lines;
  }

  private static String evidence(Ability ability, UnitFacts.Capable unit) {
    return switch (ability) {
      case WIDTH ->
          FieldReport.line(CapReg.LAYOUT, unit.cap().raw(), FieldMeaning::of, "MGAW", "SAGAW");
      case INTERRUPT_REMAPPING ->
          FieldReport.line(EcapReg.LAYOUT, unit.ecap().raw(), FieldMeaning::of, "IR", "QI");
    };
  }

  /** Returns each unit's capabilities by where it is; empty if not all of them can be read. */
  private Optional<Map<String, UnitFacts.Capable>> read() {
    Map<String, UnitFacts.Capable> units = new LinkedHashMap<>();
    try {
      for (Drhd drhd : table.drhds()) {
        UnitRegisters registers =
            UnitRegisters.readOnly(
                surveyed(drhd).name(),
                machine.registers(drhd.registerBaseHpa(), drhd.registerBytes()));
        CapReg cap = new CapReg(registers.readAlive(CapReg.LAYOUT, CapReg.OFFSET));
        EcapReg ecap = new EcapReg(registers.readAlive(EcapReg.LAYOUT, EcapReg.OFFSET));
        units.put(registers.where(), new UnitFacts.Capable(cap, ecap));
      }
    } catch (VmmException e) {
      return Optional.empty(); // open() tells what is wrong with it
    }
    return Optional.of(units);
  }
}
