package dev.vmm.iommu.amd;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.amd.ivrs.DteSettings;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.ivrs.IvrsTable;
import dev.vmm.iommu.amd.ivrs.UnitMap;
import dev.vmm.iommu.amd.unit.AmdUnit;
import dev.vmm.iommu.amd.unit.DeviceTable;
import dev.vmm.iommu.amd.unit.InterruptWords;
import dev.vmm.iommu.amd.unit.UnitCheck;
import dev.vmm.iommu.amd.unit.UnitConfig;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.UnitsIommu;
import dev.vmm.machine.Machine;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Takes all units of a machine over, or none. Used once. */
final class AmdOpener {
  private static final Logger LOG = LoggerFactory.getLogger(AmdOpener.class);

  /** The registers up to the status; performance counters, where there are any, follow. */
  static final long REGISTER_BYTES = 0x4000;

  private final Machine machine;
  private final IvrsTable table;
  private final UnitMap map;
  private final long timeoutNanos;

  /** A unit that was looked at and is ours to take. */
  private record Found(Ivhd ivhd, UnitRegisters registers, UnitConfig config) {}

  /** Reads the tunables; EINVAL if one is malformed. */
  AmdOpener(IommuContext context, IvrsTable table) {
    this.machine = context.machine();
    this.table = table;
    this.map = UnitMap.of(table);
    this.timeoutNanos =
        TimeUnit.MILLISECONDS.toNanos(context.tunables().get(AmdTunables.TIMEOUT_MS));
  }

  Iommu open() {
    refuseImpossibleRegisters();
    List<Found> found = new ArrayList<>();
    for (int i = 0; i < table.units().size(); i++) {
      found.add(look(AmdInspector.unitName(i), table.units().get(i)));
    }
    map.problems().forEach(problem -> LOG.warn("{}", problem));
    Optional<String> unmapped = InterruptSources.missing(machine.acpi(), map);
    unmapped.ifPresent(why -> LOG.warn("interrupts are not remapped: {}", why));
    List<AmdUnit> units = new ArrayList<>();
    Map<Rid, AmdUnit> byOwnRid = new HashMap<>();
    try {
      for (Found one : found) {
        AmdUnit unit = take(one, unmapped.isEmpty());
        units.add(unit);
        byOwnRid.put(one.ivhd().rid(), unit);
      }
      return new UnitsIommu(
          "AMD-Vi",
          units,
          UnitFacts.of(units, unmapped.isEmpty()),
          new UnitFinder(map, byOwnRid),
          machine.memory());
    } catch (RuntimeException e) {
      UnitsIommu.giveUp(units, e);
      throw e;
    }
  }

  private AmdUnit take(Found found, boolean interruptRemapping) {
    Map<Integer, DteSettings> settings = new HashMap<>();
    Map<Integer, Integer> aliases = new HashMap<>();
    Ivhd ivhd = found.ivhd();
    map.particularIds(ivhd).stream()
        .forEach(
            id -> {
              Rid rid = Rid.of(ivhd.segment(), id);
              settings.put(id, map.settings(rid));
              map.aliasOf(rid).ifPresent(alias -> aliases.put(id, alias.id16()));
            });
    Set<Integer> controllers =
        map.specialDevices().stream()
            .map(UnitMap.SpecialDevice::rid)
            .filter(rid -> rid.segment() == ivhd.segment())
            .map(Rid::id16)
            .collect(Collectors.toSet());
    IntFunction<DteSettings> settingsOf = id -> settings.getOrDefault(id, DteSettings.NONE);
    InterruptWords words =
        new InterruptWords(interruptRemapping, settingsOf, controllers::contains);
    DeviceTable entries =
        new DeviceTable(machine.memory(), found.config().coherent(), settingsOf, words);
    try {
      return new AmdUnit(
          found.registers(),
          found.config(),
          machine.memory(),
          entries,
          words,
          id -> aliases.getOrDefault(id, id));
    } catch (RuntimeException e) {
      entries.free();
      throw e;
    }
  }

  private Found look(String name, Ivhd ivhd) {
    RegisterBlock block;
    try {
      block = machine.registers(ivhd.registerBaseHpa(), REGISTER_BYTES);
    } catch (VmmException e) {
      throw new VmmException(
          Errno.ENOTSUP,
          String.format(
              Locale.ROOT,
              "unit %s (IVRS offset 0x%x IVHD) cannot have its registers at 0x%x: %s",
              name,
              ivhd.offset(),
              ivhd.registerBaseHpa(),
              e.getMessage()),
          e);
    }
    UnitRegisters registers =
        new UnitRegisters(
            name,
            block,
            timeoutNanos,
            AmdTunables.TIMEOUT_MS.name(),
            (unit, layout, offset, value) -> {
              if (LOG.isDebugEnabled()) {
                LOG.debug(
                    "{}: write 0x{} {}", unit, Long.toHexString(offset), layout.describe(value));
              }
            });
    return new Found(
        ivhd, registers, UnitCheck.check(ivhd, registers, machine.pci().config(ivhd.rid())));
  }

  /**
   * Two descriptions of one unit would each take it for their own, and writes to registers that lie
   * in RAM would destroy what is there.
   */
  private void refuseImpossibleRegisters() {
    List<Ivhd> seen = new ArrayList<>();
    for (Ivhd ivhd : table.units()) {
      AddressRange registers = registers(ivhd);
      for (AddressRange ram : machine.memory().ram()) {
        if (ram.overlaps(registers)) {
          throw impossible(ivhd, "in RAM at " + ram);
        }
      }
      for (Ivhd other : seen) {
        if (registers(other).overlaps(registers)) {
          throw impossible(
              ivhd,
              String.format(
                  Locale.ROOT,
                  "where the IVHD at offset 0x%x has its own, 0x%x",
                  other.offset(),
                  other.registerBaseHpa()));
        }
      }
      seen.add(ivhd);
    }
  }

  private AddressRange registers(Ivhd ivhd) {
    long base = ivhd.registerBaseHpa();
    if (base <= 0 || base % REGISTER_BYTES != 0) {
      throw impossible(ivhd, "at an address that none can have");
    }
    return new AddressRange(base, ivhd.registerBytes());
  }

  private VmmException impossible(Ivhd ivhd, String where) {
    return new VmmException(
        Errno.ENOTSUP,
        String.format(
            Locale.ROOT,
            "the IVRS table (%s) puts the 0x%x register bytes of a unit at 0x%x (IVHD at offset 0x%x), %s: expected"
                + " as many, aligned to 16 KiB, that belong to that unit alone; the firmware's table is damaged:"
                + " update the firmware",
            table.origin(),
            ivhd.registerBytes(),
            ivhd.registerBaseHpa(),
            ivhd.offset(),
            where));
  }
}
