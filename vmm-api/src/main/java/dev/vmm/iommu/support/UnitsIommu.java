package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntUnaryOperator;

/**
 * All units of a machine as one I/O MMU: its domains, its moves over several units, all or none,
 * and the order of things. A back end opens its units, says what they agree on and how a requester
 * id finds its own, and returns this.
 *
 * <p>One lock for moves, starts and stops; it is taken before a unit's lock, and never while a page
 * table's lock is held.
 */
public final class UnitsIommu implements Iommu {
  private final ReentrantLock lock = new ReentrantLock();
  private final String kind;
  private final List<RemappingUnit> units;
  private final CommonFacts facts;
  private final UnitLocator locator;
  private final PhysicalMemory memory;
  private final IommuCapabilities capabilities;
  private final Optional<UnitsInterrupts> interrupts;

  /** Where each requester id is; written under the lock. */
  private final Map<Rid, UnitsDomain> places = new ConcurrentHashMap<>();

  private volatile boolean closed;

  /** Whether every unit was turned off at the end; one that was not may still walk any table. */
  private boolean allOff;

  /**
   * Makes an I/O MMU of units that were taken over, none of which translates yet.
   *
   * @param kind what the hardware is called, for messages: {@code VT-d}
   * @param units in the firmware's order
   * @param memory where the domains' tables are
   */
  public UnitsIommu(
      String kind,
      List<? extends RemappingUnit> units,
      CommonFacts facts,
      UnitLocator locator,
      PhysicalMemory memory) {
    this.kind = kind;
    this.units = List.copyOf(units);
    this.facts = facts;
    this.locator = locator;
    this.memory = memory;
    this.capabilities =
        facts.capabilities(units.stream().<IntUnaryOperator>map(unit -> unit::reachBits).toList());
    this.interrupts =
        facts.interruptRemapping()
            ? Optional.of(new UnitsInterrupts(kind, this.units, locator, this::checkOpen))
            : Optional.empty();
  }

  /**
   * Gives up the units that were opened before opening failed: all are tried.
   *
   * @param cause why; what fails now is added to it as suppressed
   */
  public static void giveUp(List<? extends RemappingUnit> units, Throwable cause) {
    AllTried closed = new AllTried();
    closed.each(units, RemappingUnit::close);
    closed.suppressIn(cause);
  }

  @Override
  public IommuCapabilities capabilities() {
    return capabilities;
  }

  @Override
  public List<String> units() {
    return units.stream().map(RemappingUnit::name).toList();
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return Optional.ofNullable(locator.find(rid)).map(RemappingUnit::name);
  }

  @Override
  public Domain createDomain(DomainSpec spec) {
    checkOpen();
    TableShape shape = TableShape.choose(units, facts.format().maxLevels(), spec.lastIova());
    if (shape == null) {
      throw VmmException.invalid(
          "domain %s cannot reach iova 0x%x: expected at most %d bits, what the %s units reach; give the domain less"
              + " memory or lower addresses",
          spec.name(), spec.lastIova(), capabilities.iovaBits(), kind);
    }
    UnitsDomain domain = new UnitsDomain(this, spec, facts, shape, memory);
    if (spec.home()) {
      reserve(domain);
    }
    return domain;
  }

  private void reserve(UnitsDomain domain) {
    lock.lock();
    try {
      domain.reserve(units);
    } catch (RuntimeException e) {
      domain.table().close(true);
      throw e;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void move(Collection<Rid> rids, Domain domain) {
    lock.lock();
    try {
      checkOpen();
      UnitsDomain target = ours(domain);
      Map<RemappingUnit, Set<Rid>> byUnit = new LinkedHashMap<>();
      for (Rid rid : List.copyOf(rids)) {
        for (RemappingUnit unit : unitsFor(rid, target)) {
          Attachment there = target.attachmentTo(unit);
          if (there == null || !there.rids.contains(rid)) {
            byUnit.computeIfAbsent(unit, key -> new LinkedHashSet<>()).add(rid);
          }
        }
      }
      new DomainMove(target, byUnit, places).run();
    } finally {
      lock.unlock();
    }
  }

  private UnitsDomain ours(Domain domain) {
    if (!(domain instanceof UnitsDomain mine) || mine.iommu() != this || mine.isClosed()) {
      throw VmmException.invalid(
          "cannot move devices to domain %s: expected an open domain that this I/O MMU created",
          domain.name());
    }
    return mine;
  }

  /**
   * Returns the unit that translates for a requester id, and any other that has an entry for it
   * still: what was an alias once may be another unit's VF now, and no entry may stay behind that
   * leads to a domain the requester id has left.
   */
  private Set<RemappingUnit> unitsFor(Rid rid, UnitsDomain target) {
    RemappingUnit unit = locator.find(rid);
    if (unit == null) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot move "
              + rid
              + " to domain "
              + target.name()
              + ": no "
              + kind
              + " unit translates for it, expected "
              + locator.expected());
    }
    Set<RemappingUnit> all = new LinkedHashSet<>();
    all.add(unit);
    UnitsDomain before = places.get(rid);
    if (before != null) {
      for (Attachment attachment : before.attachments()) {
        if (attachment.rids.contains(rid)) {
          all.add(attachment.unit);
        }
      }
    }
    all.forEach(one -> checkFits(one, rid, target));
    return all;
  }

  private void checkFits(RemappingUnit unit, Rid rid, UnitsDomain target) {
    TableShape shape = target.shape();
    if (!shape.fits(unit)) {
      throw VmmException.invalid(
          "cannot move %s to domain %s: %s cannot walk tables of %d levels and %d bits, it reaches %s; create a domain"
              + " that reaches less",
          rid, target.name(), unit.where(), shape.levels(), shape.widthBits(), reach(unit));
    }
  }

  private String reach(RemappingUnit unit) {
    StringJoiner reach = new StringJoiner(", ");
    for (int levels = 1; levels <= facts.format().maxLevels(); levels++) {
      if (unit.reachBits(levels) != 0) {
        reach.add(unit.reachBits(levels) + " bits with " + levels);
      }
    }
    return reach.toString();
  }

  @Override
  public Optional<Domain> domainOf(Rid rid) {
    return Optional.ofNullable(places.get(rid));
  }

  @Override
  public void enable() {
    lock.lock();
    try {
      checkOpen();
      List<RemappingUnit> done = new ArrayList<>();
      for (RemappingUnit unit : units) {
        try {
          unit.enable();
          done.add(unit);
        } catch (VmmException e) {
          AllTried undone = new AllTried();
          undone.each(done, RemappingUnit::disable);
          undone.suppressIn(e);
          throw e;
        }
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void disable() {
    lock.lock();
    try {
      checkOpen();
      AllTried disabled = new AllTried();
      disabled.each(units, RemappingUnit::disable);
      disabled.throwFirst();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean enabled() {
    return !closed && units.stream().allMatch(RemappingUnit::translates);
  }

  @Override
  public Optional<InterruptRemapping> interruptRemapping() {
    return interrupts.filter(each -> !each.forgone()).map(each -> each);
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return locator.reservedRegions(rid);
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return locator.untranslatedRanges();
  }

  @Override
  public FaultBatch drainFaults() {
    if (closed) {
      return FaultBatch.EMPTY;
    }
    List<DmaFault> faults = new ArrayList<>();
    boolean overflowed = false;
    VmmException first = null;
    for (RemappingUnit unit : units) {
      try {
        overflowed |= unit.drainFaults(faults);
      } catch (VmmException e) {
        first = first == null ? e : first;
      }
    }
    // What was taken from the others must be told; a unit that failed fails again the next time.
    if (first != null && faults.isEmpty()) {
      throw first;
    }
    return faults.isEmpty() && !overflowed
        ? FaultBatch.EMPTY
        : new FaultBatch(faults, overflowed, first == null);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      places.clear();
      // Those that are off already do nothing; the rest is tried again.
      AllTried given = new AllTried();
      given.each(units, RemappingUnit::close);
      given.throwFirst();
      allOff = true;
    } finally {
      lock.unlock();
    }
  }

  boolean closed() {
    return closed;
  }

  /** Closes a domain of this I/O MMU. */
  void close(UnitsDomain domain) {
    lock.lock();
    try {
      if (domain.isClosed()) {
        return;
      }
      if (closed) {
        domain.markClosed();
        domain.table().close(allOff);
        return;
      }
      List<Rid> inside =
          places.entrySet().stream()
              .filter(entry -> entry.getValue() == domain)
              .map(Map.Entry::getKey)
              .sorted()
              .toList();
      if (!inside.isEmpty()) {
        throw new VmmException(
            Errno.EBUSY,
            "cannot close domain "
                + domain.name()
                + ": expected no device in it, but it has "
                + inside
                + "; move them first");
      }
      domain.markClosed();
      AllTried forgotten = new AllTried();
      // Left only where a unit did not confirm that it forgot the domain: ask it again.
      forgotten.each(
          List.of(domain.attachments()),
          attachment -> {
            attachment.unit.flush(attachment.domainId, 0, domain.lastIova() + 1, false);
            domain.release(attachment);
          });
      boolean byAll = forgotten.first() == null;
      if (byAll) {
        domain.releaseReserved();
      }
      domain.table().close(byAll);
      forgotten.throwFirst();
    } finally {
      lock.unlock();
    }
  }

  private void checkOpen() {
    if (closed) {
      throw VmmException.invalid("the %s I/O MMU is closed: expected it open; open it again", kind);
    }
  }
}
