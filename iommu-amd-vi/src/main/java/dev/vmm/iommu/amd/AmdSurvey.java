package dev.vmm.iommu.amd;

import dev.vmm.VmmException;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.IvrsTable;
import dev.vmm.iommu.amd.ivrs.UnitMap;
import dev.vmm.iommu.amd.ivrs.UnitMap.SpecialKind;
import dev.vmm.iommu.amd.unit.AmdUnit;
import dev.vmm.iommu.amd.unit.UnitCheck;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.IntUnaryOperator;

/** What an IVRS table says of a machine. Immutable but for what the units answer; thread-safe. */
final class AmdSurvey implements IommuSurvey {
  private final Machine machine;
  private final IvrsTable table;
  private final UnitMap map;

  AmdSurvey(Machine machine, IvrsTable table) {
    this.machine = machine;
    this.table = table;
    this.map = UnitMap.of(table);
  }

  @Override
  public List<SurveyedUnit> units() {
    return table.units().stream().map(this::surveyed).toList();
  }

  @Override
  public Optional<SurveyedUnit> unitOf(Rid rid) {
    return map.unitOf(rid).map(this::surveyed);
  }

  private SurveyedUnit surveyed(Ivhd ivhd) {
    return new SurveyedUnit(AmdInspector.unitName(table.units().indexOf(ivhd)), ivhd.where());
  }

  @Override
  public String expectedUnit() {
    return UnitFacts.EXPECTED_UNIT;
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return map.reservedRegions(rid);
  }

  @Override
  public List<Rid> aliases(Rid rid) {
    return map.aliasOf(rid).stream().toList();
  }

  /**
   * The IVRS table has no flag that forbids it: every unit can, and software decides, if the table
   * says whose the I/O APICs' messages are.
   */
  @Override
  public Permission interruptRemapping() {
    return InterruptSources.missing(machine.acpi(), map)
        .map(why -> new Permission(false, why))
        .orElseGet(
            () ->
                new Permission(
                    true,
                    table.units().get(0).where()
                        + ", IVRS has no flag that forbids interrupt remapping"));
  }

  @Override
  public Optional<String> interruptController(Rid rid) {
    return map.specialDevices().stream()
        .filter(device -> device.rid().equals(rid) && interruptRemapping().allowed())
        .findFirst()
        .map(
            device ->
                String.format(
                    Locale.ROOT,
                    "%s: the messages of %s 0x%x carry %s",
                    device.unit().where(),
                    device.kind() == SpecialKind.IOAPIC ? "I/O APIC" : "HPET",
                    device.handle(),
                    rid));
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return UnitFacts.UNTRANSLATED;
  }

  @Override
  public Optional<IommuCapabilities> capabilities() {
    List<IntUnaryOperator> reaches = new ArrayList<>();
    try {
      for (Ivhd ivhd : table.units()) {
        int most = UnitCheck.levels(ivhd, registers(ivhd), machine.pci().config(ivhd.rid()));
        reaches.add(levels -> AmdUnit.reachBits(most, levels));
      }
    } catch (VmmException e) {
      return Optional.empty(); // open() tells what is wrong with it
    }
    boolean coherent = table.units().stream().allMatch(Ivhd::coherent);
    // Whether not-present entries are cached is no capability that anybody but a driver asks for.
    return Optional.of(
        UnitFacts.of(coherent, false, interruptRemapping().allowed()).capabilities(reaches));
  }

  /** Interrupts every unit can remap: no register has a say in it. */
  @Override
  public List<String> evidence(Ability ability) {
    if (ability != Ability.WIDTH) {
      return List.of();
    }
    List<String> lines = new ArrayList<>();
    try {
      for (Ivhd ivhd : table.units()) {
        lines.addAll(
            UnitCheck.levelsEvidence(ivhd, registers(ivhd), machine.pci().config(ivhd.rid())));
      }
    } catch (VmmException e) {
      return List.of(); // open() tells what is wrong with it
    }
    return lines;
  }

  private UnitRegisters registers(Ivhd ivhd) {
    return UnitRegisters.readOnly(
        surveyed(ivhd).name(), machine.registers(ivhd.registerBaseHpa(), AmdOpener.REGISTER_BYTES));
  }
}
