package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.decode.TableProblem;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Which unit translates for which requester id and how, and which memory firmware reserved for it.
 *
 * <p>The table speaks of ids, not of paths: nothing is looked up on the machine, and the answers
 * hold for ids whose function is not there yet, VFs among them. Only the newest description of each
 * unit counts, see {@link IvrsTable#units()}. Immutable and thread-safe.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization ACPI Table".
 */
public final class UnitMap {
  private final Map<Integer, IdRuns<Claimant>> named = new HashMap<>();
  private final Map<Integer, Claimant> all = new HashMap<>();
  private final Set<Rid> units = new HashSet<>();
  private final List<SpecialDevice> specials = new ArrayList<>();
  private final List<AcpiDevice> acpiDevices = new ArrayList<>();
  private final List<Ivmd> ivmds;
  private final List<TableProblem> conflicts = new ArrayList<>();
  private final List<String> problems;

  /**
   * An I/O APIC or HPET: its interrupts carry this requester id.
   *
   * @param unit whose entry says so
   * @param kind what it is
   * @param handle the I/O APIC id or HPET number
   * @param rid the requester id of its interrupts
   * @param settings what its device table entry shall say
   */
  public record SpecialDevice(
      Ivhd unit, SpecialKind kind, int handle, Rid rid, DteSettings settings) {}

  /** What a special device is. */
  public enum SpecialKind {
    /** An I/O APIC. */
    IOAPIC,
    /** A timer block that sends MSIs. */
    HPET
  }

  /**
   * A device of the ACPI name space that does DMA with this requester id.
   *
   * @param unit whose entry says so
   * @param rid the requester id
   * @param name the device
   * @param settings what its device table entry shall say
   */
  public record AcpiDevice(Ivhd unit, Rid rid, AcpiDeviceName name, DteSettings settings) {}

  /** A unit and what its entries name. */
  private record Claimant(Ivhd unit, List<IdRange> ranges) {}

  private UnitMap(List<Ivhd> newest, List<Ivmd> ivmds, List<String> known) {
    this.ivmds = ivmds;
    // From the last unit to the first, so that the first to name an id keeps it.
    for (int i = newest.size() - 1; i >= 0; i--) {
      add(newest.get(i));
    }
    Collections.reverse(conflicts);
    for (Ivhd unit : newest) {
      devices(unit);
    }
    problems = new ArrayList<>(known);
    conflicts.forEach(conflict -> problems.add(conflict.text()));
  }

  /** Makes the map of a table. */
  public static UnitMap of(IvrsTable table) {
    return new UnitMap(table.units(), table.ivmds(), table.problems());
  }

  /** Returns the claims to devices that another of these units has too. */
  static List<TableProblem> conflicts(List<Ivhd> newest) {
    return List.copyOf(new UnitMap(newest, List.of(), List.of()).conflicts);
  }

  private void add(Ivhd unit) {
    units.add(unit.rid());
    // What is wrong with them is among the table's problems already.
    Claimant claimant = new Claimant(unit, IdRange.of(unit, new ArrayList<>()));
    List<TableProblem> found = new ArrayList<>();
    IdRuns<Claimant> runs = named.computeIfAbsent(unit.segment(), segment -> new IdRuns<>());
    for (IdRange range : claimant.ranges()) {
      Optional<Claimant> other =
          range.all()
              ? Optional.ofNullable(all.put(unit.segment(), claimant))
                  .filter(old -> old.unit().offset() != unit.offset())
              : runs.put(range.first(), range.last(), claimant);
      if (other.isPresent()) {
        found.add(
            IvrsRule.DEVICE_OF_TWO_UNITS.problem(
                range.entry().offset(),
                "%s is for DeviceIDs 0x%x to 0x%x, some of which %s has too: expected one unit for a device; the first"
                    + " is taken",
                IdRange.where(unit, range.entry()),
                range.first(),
                range.last(),
                other.get().unit().where()));
      }
    }
    Collections.reverse(found);
    conflicts.addAll(found);
  }

  private void devices(Ivhd unit) {
    for (DeviceEntry entry : unit.entries()) {
      Optional<SpecialKind> kind =
          switch (entry.variety()) {
            case DeviceEntry.IOAPIC -> Optional.of(SpecialKind.IOAPIC);
            case DeviceEntry.HPET -> Optional.of(SpecialKind.HPET);
            default -> Optional.empty();
          };
      if (kind.isPresent()) {
        Rid rid = Rid.of(unit.segment(), entry.sourceId());
        specials.add(new SpecialDevice(unit, kind.get(), entry.handle(), rid, entry.settings()));
      }
      if (entry.acpi().isPresent()) {
        Rid rid = Rid.of(unit.segment(), entry.deviceId());
        acpiDevices.add(new AcpiDevice(unit, rid, entry.acpi().get(), entry.settings()));
      }
    }
  }

  /**
   * Returns the unit that translates for a requester id, whether a function is there or not: the
   * one whose entries name it, as a device, an alias, an I/O APIC or an HPET; else the one that
   * takes all of its segment. Where two units claim the same, the table's first. Empty for an id
   * that no unit translates for, and for a unit's own.
   */
  public Optional<Ivhd> unitOf(Rid rid) {
    return claimantOf(rid).map(Claimant::unit);
  }

  private Optional<Claimant> claimantOf(Rid rid) {
    if (units.contains(rid)) {
      return Optional.empty();
    }
    IdRuns<Claimant> runs = named.get(rid.segment());
    Optional<Claimant> claimant = runs == null ? Optional.empty() : runs.get(rid.id16());
    return claimant.isPresent() ? claimant : Optional.ofNullable(all.get(rid.segment()));
  }

  /**
   * Returns what the device table entry of a requester id shall say: whatever any entry of its unit
   * that is for the id sets; {@link DteSettings#NONE} if there is none. An entry cannot clear what
   * another sets: the one of an I/O APIC and that of the range around it both hold.
   */
  public DteSettings settings(Rid rid) {
    DteSettings settings = DteSettings.NONE;
    for (IdRange range : rangesOf(rid)) {
      settings = settings.or(range.entry().settings());
    }
    return settings;
  }

  /**
   * Returns the requester id that the transactions of this one's function carry instead of its own,
   * if its unit's entries say so; of several such entries the last counts. Both must move together,
   * and with them every other id that has the same alias: the unit cannot tell them apart.
   */
  public Optional<Rid> aliasOf(Rid rid) {
    Optional<Rid> alias = Optional.empty();
    for (IdRange range : rangesOf(rid)) {
      if (range.alias().isPresent()) {
        alias = Optional.of(Rid.of(rid.segment(), range.alias().getAsInt()));
      }
    }
    return alias.filter(other -> !other.equals(rid));
  }

  /**
   * Returns the DeviceIDs of a unit for which an entry says more than whose they are: a setting or
   * an alias. Mostly they are few.
   */
  public BitSet particularIds(Ivhd unit) {
    BitSet ids = new BitSet();
    for (IdRange range : IdRange.of(unit, new ArrayList<>())) {
      if (range.alias().isPresent() || !range.entry().settings().equals(DteSettings.NONE)) {
        ids.set(range.first(), range.last() + 1);
      }
    }
    // Of these, what another unit was given.
    for (int id = ids.nextSetBit(0); id >= 0; id = ids.nextSetBit(id + 1)) {
      if (unitOf(Rid.of(unit.segment(), id)).filter(unit::equals).isEmpty()) {
        ids.clear(id);
      }
    }
    return ids;
  }

  private List<IdRange> rangesOf(Rid rid) {
    return claimantOf(rid).map(Claimant::ranges).orElse(List.of()).stream()
        .filter(range -> range.contains(rid.id16()))
        .toList();
  }

  /** Returns the I/O APICs and HPETs, by unit, in the table's order. */
  public List<SpecialDevice> specialDevices() {
    return List.copyOf(specials);
  }

  /** Returns the devices of the ACPI name space, by unit, in the table's order. */
  public List<AcpiDevice> acpiDevices() {
    return List.copyOf(acpiDevices);
  }

  /**
   * Returns the memory that is reserved for a requester id or for its alias, in the table's order,
   * in whole pages. The source reads {@code IVRS offset 0x1a4 IVMD 21h unity}, or {@code exclusion}
   * for a range that devices were to reach untranslated, which means reading and writing.
   */
  public List<ReservedRegion> reservedRegions(Rid rid) {
    Optional<Rid> alias = aliasOf(rid);
    Set<ReservedRegion> regions = new LinkedHashSet<>();
    for (Ivmd ivmd : ivmds) {
      if ((covers(ivmd, rid) || (alias.isPresent() && covers(ivmd, alias.get())))
          && ivmd.pages().isPresent()) {
        String kind = ivmd.exclusion() ? " exclusion" : ivmd.unity() ? " unity" : "";
        regions.add(new ReservedRegion(ivmd.pages().get(), ivmd.access(), ivmd.where() + kind));
      }
    }
    return List.copyOf(regions);
  }

  private static boolean covers(Ivmd ivmd, Rid rid) {
    return ivmd.segment() == rid.segment()
        && rid.id16() >= ivmd.firstId()
        && rid.id16() <= ivmd.lastId();
  }

  /**
   * Returns what is wrong with the table, then the ids that more than one unit claims, in words
   * that name the table's offset.
   */
  public List<String> problems() {
    return List.copyOf(problems);
  }
}
