package dev.vmm.iommu.intel;

import dev.vmm.acpi.Madt;
import dev.vmm.iommu.intel.dmar.DeviceScope;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.iommu.intel.unit.Unit;
import dev.vmm.machine.Machine;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.tunable.Tunable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Whether interrupts are remapped, and by tables of which size. Used once, with all units taken
 * over.
 *
 * <p>A unit that remaps cannot tell devices apart: a message in the format without remapping is
 * blocked, whoever sends it, or else forged ones would pass. The host's functions are given entries
 * by the platform before the start; pins of I/O APICs are not, and are cut off.
 */
final class InterruptPlan {
  private static final Logger LOG = LoggerFactory.getLogger(InterruptPlan.class);

  /** Four pages: for functions that come later. */
  private static final int MIN_ENTRIES = 1024;

  private static final int MAX_ENTRIES = 1 << 16;

  /** In 8 bits this is no processor's id: it means all of them. */
  private static final int EVERY_PROCESSOR = 0xff;

  private final Machine machine;
  private final DmarTable table;
  private final List<Unit> units;
  private final UnitFinder finder;

  InterruptPlan(Machine machine, DmarTable table, List<Unit> units, UnitFinder finder) {
    this.machine = machine;
    this.table = table;
    this.units = units;
    this.finder = finder;
  }

  /**
   * Gives each unit its table, if all can and may remap.
   *
   * @param forbidding the tunables by which the user does not want it
   * @return whether they do
   * @throws dev.vmm.VmmException ENOMEM
   */
  boolean apply(List<Tunable<?>> forbidding) {
    if (!forbidding.isEmpty()) {
      return off(
          forbidding.stream().map(it -> it.name() + "=0").collect(Collectors.joining(" and ")));
    }
    if (!table.interruptRemapping()) {
      return off("firmware's DMAR table says that the platform cannot (INTR_REMAP is 0)");
    }
    for (Unit unit : units) {
      if (!unit.canRemapInterrupts()) {
        return off(unit.where() + " has no interrupt remapping or no invalidation queue");
      }
    }
    Map<Unit, Integer> vectors = new HashMap<>();
    machine.pci().functions().forEach(function -> look(function, vectors));
    warnOfPins();
    boolean extended = needsLongIds();
    for (Unit unit : units) {
      unit.remapInterrupts(entries(vectors.getOrDefault(unit, 0)), extended);
    }
    return true;
  }

  private static boolean off(String reason) {
    LOG.warn("interrupts are not remapped, so that devices can forge them: {}", reason);
    return false;
  }

  /** Adds what the function may need. */
  private void look(PciFunction function, Map<Unit, Integer> vectors) {
    int most =
        Math.max(
            MsiCapability.of(function.config()).map(MsiCapability::vectors).orElse(0),
            MsixCapability.of(function.config()).map(MsixCapability::vectors).orElse(0));
    Unit unit = most == 0 ? null : finder.find(function.rid());
    if (unit != null) {
      // Rounded up as they are taken; a sum beyond any table is as good as the largest table.
      int rounded = Integer.highestOneBit(2 * most - 1);
      vectors.merge(unit, rounded, (a, b) -> Math.min(a + b, MAX_ENTRIES));
    }
  }

  /** Nobody here programs I/O APICs. */
  private void warnOfPins() {
    long named = ioApics(table);
    if (named > 0) {
      LOG.warn(
          "the pins of the {} I/O APICs that the DMAR table names are cut off from the first assign to the close, but for"
              + " those that somebody gave entries: interrupts are remapped",
          named);
    }
  }

  /** Returns how many I/O APICs firmware puts under a unit. */
  static long ioApics(DmarTable table) {
    return table.drhds().stream()
        .flatMap(drhd -> drhd.scopes().stream())
        .filter(scope -> scope.type() == DeviceScope.Type.IOAPIC)
        .count();
  }

  /** Twice what is there. */
  private static int entries(int vectors) {
    int twice = Math.max(MIN_ENTRIES, 2 * vectors);
    return Math.min(MAX_ENTRIES, Integer.highestOneBit(2 * twice - 1));
  }

  /** Says whether a processor's id takes more than 8 bits, and all units can name it. */
  private boolean needsLongIds() {
    return units.stream().allMatch(unit -> unit.ecap().eim())
        && !table.x2apicOptOut()
        && Madt.find(machine.acpi()).map(Madt::greatestX2apicId).orElse(0L) >= EVERY_PROCESSOR;
  }
}
