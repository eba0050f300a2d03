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
  final ExampleUnit unit;
  final PhysicalMemory memory;
  final ExampleFormat format;

  /** Domain ids in use. */
  final BitSet ids = new BitSet();

  boolean closed;

  private final ExampleContexts contexts;
  private final Map<Rid, ExampleDomain> places = new TreeMap<>();
  private final BitSet covered;

  ExampleIommu(ExampleUnit unit, Machine machine, ExampleDmar dmar) {
    this.unit = unit;
    memory = machine.memory();
    covered = dmar.covered(machine.pci());
    format = new ExampleFormat(dmar.hpaBits(), unit.caps.pageSizes());
    contexts = new ExampleContexts(memory, unit);
    ids.set(ExampleDomain.NO_ID);
  }

  @Override
  public IommuCapabilities capabilities() {
    return new IommuCapabilities(
        unit.caps.iovaBits(),
        format.hpaBits(),
        format.pageSizes(),
        unit.caps.domainIds() - 1,
        unit.caps.coherent(),
        false);
  }

  @Override
  public List<String> units() {
    return List.of(unit.name);
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return rid.segment() == unit.segment && covered.get(rid.id16())
        ? Optional.of(unit.name)
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
    if (spec.lastIova() >>> unit.caps.iovaBits() != 0) {
      throw VmmException.invalid(
          "domain %s: last iova 0x%x, expected at most %d bits, which is what unit %s reaches",
          spec.name(), spec.lastIova(), unit.caps.iovaBits(), unit.name);
    }
    ExampleDomain domain =
        new ExampleDomain(this, spec.name(), unit.caps.levelsFor(spec.lastIova()));
    if (spec.home()) {
      giveHomeId(domain);
    }
    return domain;
  }

  @Override
  public synchronized void move(Collection<Rid> rids, Domain domain) {
    requireOpen();
    if (!(domain instanceof ExampleDomain target) || target.iommu != this || target.closed) {
      throw VmmException.invalid(
          "domain %s is closed or of another I/O MMU: expected one of this", domain.name());
    }
    for (Rid rid : rids) {
      if (unitOf(rid).isEmpty()) {
        throw VmmException.of(
            Errno.ENXIO,
            "no unit translates for %s: expected one in the scope of unit %s",
            rid,
            unit.name);
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

  /** A device must always find home, however many domains there are by then. */
  private void giveHomeId(ExampleDomain domain) {
    try {
      giveId(domain);
    } catch (VmmException e) {
      domain.table.close(true);
      throw e;
    }
  }

  /** The first move of a device into a domain is the first time that the unit hears of it. */
  private void giveId(ExampleDomain domain) {
    if (domain.id == ExampleDomain.NO_ID) {
      int id = ids.nextClearBit(0);
      if (id >= unit.caps.domainIds()) {
        throw VmmException.of(
            Errno.ENOSPC,
            "unit %s has no domain id left for %s: all %d are in use; close a domain first",
            unit.name,
            domain.name(),
            unit.caps.domainIds() - 1);
      }
      ids.set(id);
      domain.id = id;
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

  private void requireOpen() {
    if (closed) {
      throw VmmException.invalid("the I/O MMU is closed: expected no use after close");
    }
  }

  void requireEmpty(ExampleDomain domain) {
    List<Rid> left = places.keySet().stream().filter(rid -> places.get(rid) == domain).toList();
    if (!left.isEmpty()) {
      throw VmmException.of(
          Errno.EBUSY,
          "cannot close domain %s: it still has %s; move them to another domain first",
          domain.name(),
          left);
    }
  }
}
