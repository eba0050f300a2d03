package dev.vmm.tck.example;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** The I/O MMU: one unit, its domains, and who is in which. One lock, this object, guards all. */
final class ExampleIommu implements Iommu {
  private final ExampleUnit unit;
  private final PhysicalMemory memory;
  private final ExampleFormat format;
  private final ExampleContexts contexts;
  private final Map<Rid, ExampleDomain> places = new TreeMap<>();
  private final BitSet ids = new BitSet();
  private final BitSet covered;
  private boolean closed;

  ExampleIommu(ExampleUnit unit, Machine machine, ExampleDmar dmar) {
    this.unit = unit;
    memory = machine.memory();
    covered = dmar.covered(machine.pci());
    format = new ExampleFormat(dmar.hpaBits(), unit.pageSizes());
    contexts = new ExampleContexts(memory, unit);
    ids.set(ExampleDomain.NO_ID);
  }

  @Override
  public IommuCapabilities capabilities() {
    return new IommuCapabilities(
        unit.iovaBits(),
        format.hpaBits(),
        format.pageSizes(),
        unit.domainIds() - 1,
        unit.coherent(),
        unit.interruptRemapping());
  }

  @Override
  public List<String> units() {
    return List.of(unit.name());
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return rid.segment() == unit.segment() && covered.get(rid.id16())
        ? Optional.of(unit.name())
        : Optional.empty();
  }

  /** None: a machine that has any is refused by {@link ExampleDmar#read}. */
  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return List.of();
  }

  @Override
  public synchronized Domain createDomain(DomainSpec spec) {
    requireOpen();
    if (spec.lastIova() >>> unit.iovaBits() != 0) {
      throw VmmException.invalid(
          "domain %s: last iova 0x%x, expected at most %d bits, which is what unit %s reaches",
          spec.name(), spec.lastIova(), unit.iovaBits(), unit.name());
    }
    return new ExampleDomain(this, spec.name(), unit.levelsFor(spec.lastIova()));
  }

  @Override
  public synchronized void move(Collection<Rid> rids, Domain domain) {
    requireOpen();
    if (!(domain instanceof ExampleDomain target) || target.iommu() != this || target.closed()) {
      throw VmmException.invalid(
          "domain %s is closed or of another I/O MMU: expected one of this", domain.name());
    }
    for (Rid rid : rids) {
      if (unitOf(rid).isEmpty()) {
        throw new VmmException(
            Errno.ENXIO,
            "no unit translates for " + rid + ": expected one in the scope of unit " + unit.name());
      }
    }
    List<Rid> strangers = rids.stream().filter(rid -> places.get(rid) != target).toList();
    if (strangers.isEmpty()) {
      return;
    }
    unit.requireUsable();
    giveId(target);
    contexts.move(strangers, target);
    strangers.forEach(rid -> places.put(rid, target));
  }

  /** The first move of a device into a domain is the first time that the unit hears of it. */
  private void giveId(ExampleDomain domain) {
    if (domain.id() == ExampleDomain.NO_ID) {
      int id = ids.nextClearBit(0);
      if (id >= unit.domainIds()) {
        throw new VmmException(
            Errno.ENOSPC,
            String.format(
                "unit %s has no domain id left for %s: all %d are in use; close a domain first",
                unit.name(), domain.name(), unit.domainIds() - 1));
      }
      ids.set(id);
      domain.setId(id);
    }
  }

  @Override
  public synchronized Optional<Domain> domainOf(Rid rid) {
    return Optional.ofNullable(places.get(rid));
  }

  @Override
  public synchronized void enable() {
    requireOpen();
    unit.requireUsable();
    try {
      unit.setRoot(contexts.rootHpa());
      unit.drainFaults(); // Those of whoever had the unit before.
      unit.turnOn();
    } catch (RuntimeException e) {
      try {
        unit.turnOff();
      } catch (RuntimeException undo) {
        e.addSuppressed(undo);
      }
      throw e;
    }
  }

  @Override
  public synchronized void disable() {
    requireOpen();
    unit.turnOff();
  }

  @Override
  public synchronized boolean enabled() {
    return unit.translating();
  }

  @Override
  public synchronized FaultBatch drainFaults() {
    return closed ? FaultBatch.EMPTY : unit.drainFaults();
  }

  @Override
  public synchronized void close() {
    if (closed) {
      return;
    }
    unit.turnOff();
    unit.forgetRoot();
    contexts.close();
    places.clear();
    closed = true;
  }

  // For the domains.

  ExampleUnit unit() {
    return unit;
  }

  PhysicalMemory memory() {
    return memory;
  }

  ExampleFormat format() {
    return format;
  }

  synchronized boolean closed() {
    return closed;
  }

  synchronized void requireOpen() {
    if (closed) {
      throw VmmException.invalid("the I/O MMU is closed: expected no use after close");
    }
  }

  synchronized void requireEmpty(ExampleDomain domain) {
    List<Rid> left = places.keySet().stream().filter(rid -> places.get(rid) == domain).toList();
    if (!left.isEmpty()) {
      throw new VmmException(
          Errno.EBUSY,
          "cannot close domain "
              + domain.name()
              + ": it still has "
              + left
              + "; move them to another domain first");
    }
  }

  synchronized void release(int id) {
    if (id != ExampleDomain.NO_ID) {
      ids.clear(id);
    }
  }
}
