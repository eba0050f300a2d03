package dev.vmm.iommu.intel;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.intel.unit.Unit;
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
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All VT-d units of a machine.
 *
 * <p>One lock for moves, starts and stops; it is taken before a unit's lock, and never while a page
 * table's lock is held.
 */
final class IntelIommu implements Iommu {
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Unit> units;
  private final UnitFacts facts;
  private final UnitFinder finder;
  private final PhysicalMemory memory;

  /** Where each requester id is; written under the lock. */
  private final Map<Rid, IntelDomain> places = new ConcurrentHashMap<>();

  private volatile boolean closed;

  /** Whether every unit was turned off at the end; one that was not may still walk any table. */
  private boolean allOff;

  IntelIommu(List<Unit> units, UnitFacts facts, UnitFinder finder, PhysicalMemory memory) {
    this.units = List.copyOf(units);
    this.facts = facts;
    this.finder = finder;
    this.memory = memory;
  }

  @Override
  public IommuCapabilities capabilities() {
    return facts.capabilities();
  }

  @Override
  public List<String> units() {
    return units.stream().map(Unit::name).toList();
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return Optional.ofNullable(finder.find(rid)).map(Unit::name);
  }

  @Override
  public Domain createDomain(DomainSpec spec) {
    checkOpen();
    UnitFacts.Shape shape = facts.shapeFor(spec.name(), spec.lastIova());
    return new IntelDomain(this, spec.name(), facts, shape, memory);
  }

  @Override
  public void move(Collection<Rid> rids, Domain domain) {
    lock.lock();
    try {
      checkOpen();
      IntelDomain target = ours(domain);
      Map<Unit, Set<Rid>> byUnit = new LinkedHashMap<>();
      for (Rid rid : List.copyOf(rids)) {
        for (Unit unit : unitsFor(rid, target)) {
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

  private IntelDomain ours(Domain domain) {
    if (!(domain instanceof IntelDomain mine) || mine.iommu() != this || mine.isClosed()) {
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
  private Set<Unit> unitsFor(Rid rid, IntelDomain target) {
    Unit unit = finder.find(rid);
    if (unit == null) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot move "
              + rid
              + " to domain "
              + target.name()
              + ": no VT-d unit translates for it, expected a DRHD of the DMAR table that covers it");
    }
    Set<Unit> all = new LinkedHashSet<>();
    all.add(unit);
    IntelDomain before = places.get(rid);
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

  private static void checkFits(Unit unit, Rid rid, IntelDomain target) {
    if (!UnitFacts.fits(unit, target)) {
      throw VmmException.invalid(
          "cannot move %s to domain %s: %s cannot walk tables of %d levels and %d bits, it has %s; create a domain that"
              + " reaches less",
          rid,
          target.name(),
          unit.where(),
          target.table().levels(),
          target.widthBits(),
          unit.cap());
    }
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
      List<Unit> done = new ArrayList<>();
      for (Unit unit : units) {
        try {
          unit.enable();
          done.add(unit);
        } catch (VmmException e) {
          VmmException second = forEach(done, Unit::disable);
          if (second != null) {
            e.addSuppressed(second);
          }
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
      VmmException first = forEach(units, Unit::disable);
      if (first != null) {
        throw first;
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean enabled() {
    return !closed && units.stream().allMatch(Unit::translates);
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return finder.reservedRegions(rid);
  }

  @Override
  public FaultBatch drainFaults() {
    if (closed) {
      return FaultBatch.EMPTY;
    }
    List<DmaFault> faults = new ArrayList<>();
    boolean overflowed = false;
    VmmException first = null;
    for (Unit unit : units) {
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
    return faults.isEmpty() && !overflowed ? FaultBatch.EMPTY : new FaultBatch(faults, overflowed);
  }

  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      places.clear();
      // Those that are off already do nothing; the rest is tried again.
      VmmException first = forEach(units, Unit::close);
      if (first != null) {
        throw first;
      }
      allOff = true;
    } finally {
      lock.unlock();
    }
  }

  boolean closed() {
    return closed;
  }

  /** Closes a domain of this I/O MMU. */
  void close(IntelDomain domain) {
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
      try {
        // Left only where a unit did not confirm that it forgot the domain: ask it again.
        for (Attachment attachment : domain.attachments()) {
          attachment.unit.flush(attachment.domainId, 0, domain.lastIova() + 1, false);
          attachment.unit.freeDomainId(attachment.domainId);
          domain.detach(attachment);
        }
      } catch (RuntimeException e) {
        domain.table().close(false);
        throw e;
      }
      domain.table().close(true);
    } finally {
      lock.unlock();
    }
  }

  private void checkOpen() {
    if (closed) {
      throw VmmException.invalid("the VT-d I/O MMU is closed: expected it open; open it again");
    }
  }

  /** Does all, returns the first failure with the others added to it. */
  private static @Nullable VmmException forEach(List<Unit> units, Consumer<Unit> step) {
    VmmException first = null;
    for (Unit unit : units) {
      try {
        step.accept(unit);
      } catch (VmmException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    return first;
  }
}
