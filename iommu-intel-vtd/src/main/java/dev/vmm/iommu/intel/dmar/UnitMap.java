package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.BusRange;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Which unit translates for which requester id, and which memory firmware reserved for it, on one
 * machine.
 *
 * <p>The scopes are resolved once, with the bus numbers of that moment: make a new map after
 * bridges were renumbered. A function that appears later, on a bus that is there, is covered. I/O
 * APIC and HPET scopes name sources of interrupts, not of DMA, and decide nothing here. Immutable
 * and thread-safe.
 *
 * <p>Source: VT-d r4.1, "DMA Remapping Hardware Unit Definition Structure" and "Reserved Memory
 * Region Reporting Structure".
 */
public final class UnitMap {
  private static final int BUSES = 256;

  private final Map<Rid, Drhd> named = new HashMap<>();
  private final Map<Integer, @Nullable Behind[]> behindBridges = new HashMap<>();
  private final Map<Integer, Drhd> includeAll = new HashMap<>();
  private final List<Reserved> reserved = new ArrayList<>();
  private final List<String> problems;

  /** Whose a bus behind a bridge is; the bridge with the fewest buses knows best. */
  private record Behind(int buses, Drhd unit) {}

  private record Reserved(ScopeResolver.Resolved who, ReservedRegion region) {}

  private UnitMap(DmarTable table, ScopeResolver resolver) {
    problems = new ArrayList<>(table.problems());
    for (Drhd drhd : table.drhds()) {
      add(drhd, resolver);
    }
    for (Rmrr rmrr : table.rmrrs()) {
      add(rmrr, resolver);
    }
  }

  /**
   * Resolves the scopes of a table's units and reserved regions on a machine. Reads config space
   * and writes nothing.
   *
   * @throws dev.vmm.VmmException only if the machine does not answer
   */
  public static UnitMap of(DmarTable table, PciBus bus) {
    return new UnitMap(table, new ScopeResolver(bus));
  }

  private void add(Drhd drhd, ScopeResolver resolver) {
    for (DeviceScope scope : drhd.scopes()) {
      Optional<ScopeResolver.Resolved> who = resolve(drhd, drhd.segment(), scope, resolver);
      if (who.isPresent()) {
        add(drhd, scope, who.get());
      }
    }
    if (drhd.includeAll()) {
      includeAll.putIfAbsent(drhd.segment(), drhd);
    }
  }

  private void add(Drhd drhd, DeviceScope scope, ScopeResolver.Resolved who) {
    Drhd first = named.putIfAbsent(who.rid(), drhd);
    if (first != null && first.offset() != drhd.offset()) {
      problems.add(
          Message.format(
              "%s names %s, as does %s, which is taken: expected one unit for a device",
              where(drhd, scope), who.rid(), first.where()));
      return;
    }
    if (who.behind().isEmpty()) {
      return;
    }
    BusRange range = who.behind().get();
    @Nullable Behind[] buses =
        behindBridges.computeIfAbsent(drhd.segment(), segment -> new Behind[BUSES]);
    for (int bus = range.secondary(); bus <= range.subordinate(); bus++) {
      Behind before = buses[bus];
      if (before == null || before.buses() > range.size()) {
        buses[bus] = new Behind(range.size(), drhd);
      }
    }
  }

  private void add(Rmrr rmrr, ScopeResolver resolver) {
    for (DeviceScope scope : rmrr.scopes()) {
      Optional<ScopeResolver.Resolved> who = resolve(rmrr, rmrr.segment(), scope, resolver);
      if (who.isPresent() && rmrr.pages().isPresent()) {
        reserved.add(
            new Reserved(
                who.get(),
                new ReservedRegion(rmrr.pages().get(), Access.READ_WRITE, rmrr.where())));
      }
    }
  }

  private Optional<ScopeResolver.Resolved> resolve(
      DmarStructure structure, int segment, DeviceScope scope, ScopeResolver resolver) {
    switch (scope.type()) {
      case PCI_ENDPOINT, PCI_SUB_HIERARCHY, ACPI_NAMESPACE_DEVICE -> {}
      default -> {
        return Optional.empty();
      }
    }
    // What the table alone shows is among its own problems already.
    boolean told =
        scope.path().isEmpty() || !scope.path().stream().allMatch(DeviceScope.Path::valid);
    ScopeResolver.Resolution resolution = resolver.resolve(scope, segment);
    if (resolution instanceof ScopeResolver.Resolved resolved) {
      if (!resolved.problem().isEmpty()) {
        problems.add(where(structure, scope) + ": " + resolved.problem());
      }
      return Optional.of(resolved);
    }
    if (!told && resolution instanceof ScopeResolver.Unresolved unresolved) {
      problems.add(
          where(structure, scope) + " (" + scope + ") names no device: " + unresolved.reason());
    }
    return Optional.empty();
  }

  /**
   * Returns the unit that translates for a requester id, whether a function is there or not: the
   * one whose scope names it; else the one whose scope names the nearest bridge above it; else the
   * one that includes all of its segment. Where two units claim the same, the table's first.
   *
   * <p>For a VF use {@link #unitOf(PciFunction)}.
   */
  public Optional<Drhd> unitOf(Rid rid) {
    Drhd byName = named.get(rid);
    if (byName != null) {
      return Optional.of(byName);
    }
    @Nullable Behind[] buses = behindBridges.get(rid.segment());
    Behind behind = buses == null ? null : buses[rid.bus()];
    if (behind != null) {
      return Optional.of(behind.unit());
    }
    return Optional.ofNullable(includeAll.get(rid.segment()));
  }

  /**
   * Returns the unit that translates for a function. A VF is in its PF's scope: its requester id
   * may lie on a bus that no scope covers.
   */
  public Optional<Drhd> unitOf(PciFunction function) {
    return unitOf(function.physicalFunction().orElse(function.rid()));
  }

  /**
   * Returns the regions whose scope names this requester id or a bridge above it, in the table's
   * order, in whole pages. Their source reads {@code DMAR offset 0x58 RMRR}.
   */
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return reserved.stream()
        .filter(entry -> entry.who().covers(rid))
        .map(Reserved::region)
        .distinct()
        .toList();
  }

  /**
   * Returns what is wrong with the table, then the scopes that name no device or an odd one on this
   * machine, in words that name the table's offset.
   */
  public List<String> problems() {
    return List.copyOf(problems);
  }

  private static String where(DmarStructure structure, DeviceScope scope) {
    return Message.format("%s, scope at offset 0x%x", structure.where(), scope.offset());
  }
}
