package dev.vmm.core.testing;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.WalkStep;
import dev.vmm.machine.Machine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** An I/O MMU of one unit in memory; keeps the contract and watches that its user does. */
public final class FakeIommu implements Iommu {
  /** A domain; its one table is a page of the machine's memory, so that a leak shows there. */
  public final class FakeDomain implements Domain {
    private final DomainSpec spec;
    private final long table;
    private final TreeMap<Long, Translation> pages = new TreeMap<>(Long::compareUnsigned);
    private boolean open = true;

    private FakeDomain(DomainSpec spec) {
      this.spec = spec;
      table = machine.memory().allocatePage();
    }

    @Override
    public String name() {
      return spec.name();
    }

    @Override
    public long lastIova() {
      return spec.lastIova();
    }

    @Override
    public void map(long iova, long hpa, long lengthBytes, Access access) {
      synchronized (FakeIommu.this) {
        plan().called(Kind.MAP, String.format("%s 0x%x 0x%x 0x%x", name(), iova, hpa, lengthBytes));
        requireUsable();
        requirePages(iova, lengthBytes);
        if (pages.floorKey(iova + lengthBytes - 1) != null
            && mappedWithin(iova, iova + lengthBytes - 1)) {
          throw VmmException.invalid("0x%x is mapped already in %s", iova, name());
        }
        pages.put(iova, new Translation(hpa, lengthBytes, access));
      }
    }

    /** Maps are kept as runs, so an unmap that cuts a run leaves what is outside. */
    @Override
    public boolean unmap(long iova, long lengthBytes) {
      synchronized (FakeIommu.this) {
        RuntimeException late = null;
        try {
          plan().called(Kind.UNMAP, String.format("%s 0x%x 0x%x", name(), iova, lengthBytes));
        } catch (VmmException e) {
          if (e.errno() != Errno.EIO && e.errno() != Errno.ETIMEDOUT) {
            throw e;
          }
          late = e;
        }
        requireUsable();
        requirePages(iova, lengthBytes);
        boolean any = cut(iova, iova + lengthBytes - 1);
        if (late != null) {
          throw late;
        }
        return any;
      }
    }

    @Override
    public Optional<Translation> translate(long iova) {
      synchronized (FakeIommu.this) {
        Map.Entry<Long, Translation> run = pages.floorEntry(iova);
        if (run == null || iova - run.getKey() >= run.getValue().pageBytes()) {
          return Optional.empty();
        }
        Translation whole = run.getValue();
        return Optional.of(
            new Translation(whole.hpa() + (iova - run.getKey()), 4096, whole.access()));
      }
    }

    @Override
    public Optional<WalkStep> whereItFails(long iova, Access access) {
      return provider.whereItFails.apply(iova);
    }

    @Override
    public long tablePages() {
      return open ? 1 : 0;
    }

    @Override
    public void close() {
      synchronized (FakeIommu.this) {
        plan().called(Kind.CLOSE_DOMAIN, name());
        if (!open) {
          return;
        }
        if (places.containsValue(this)) {
          throw new VmmException(
              Errno.EBUSY, "domain " + name() + " still holds devices: move them first");
        }
        open = false;
        pages.clear();
        machine.memory().free(table, PhysicalMemory.PAGE_BYTES);
      }
    }

    private boolean mappedWithin(long first, long last) {
      Map.Entry<Long, Translation> run = pages.floorEntry(last);
      return run != null
          && Long.compareUnsigned(run.getKey() + run.getValue().pageBytes() - 1, first) >= 0;
    }

    private boolean cut(long first, long last) {
      boolean any = false;
      for (Map.Entry<Long, Translation> run : List.copyOf(pages.headMap(last, true).entrySet())) {
        long start = run.getKey();
        Translation whole = run.getValue();
        long end = start + whole.pageBytes() - 1;
        if (Long.compareUnsigned(end, first) < 0) {
          continue;
        }
        any = true;
        pages.remove(start);
        if (Long.compareUnsigned(start, first) < 0) {
          pages.put(start, new Translation(whole.hpa(), first - start, whole.access()));
        }
        if (Long.compareUnsigned(end, last) > 0) {
          pages.put(
              last + 1,
              new Translation(whole.hpa() + (last + 1 - start), end - last, whole.access()));
        }
      }
      return any;
    }

    private void requireUsable() {
      if (!open || closed) {
        provider.violated("domain " + name() + " used after close");
        throw VmmException.invalid("domain %s is closed", name());
      }
    }

    private void requirePages(long iova, long lengthBytes) {
      if (((iova | lengthBytes) & 0xfff) != 0
          || lengthBytes <= 0
          || Long.compareUnsigned(iova + lengthBytes - 1, lastIova()) > 0) {
        throw VmmException.invalid(
            "0x%x bytes at 0x%x do not fit domain %s", lengthBytes, iova, name());
      }
    }

    @Override
    public String toString() {
      return name();
    }
  }

  private final FakeIommuProvider provider;
  private final Machine machine;
  private final Map<Rid, FakeDomain> places = new TreeMap<>();
  private final List<FakeDomain> domains = new ArrayList<>();
  private final List<DmaFault> faults = new CopyOnWriteArrayList<>();
  private volatile boolean overflowed;
  private volatile boolean mute;
  private final AtomicInteger mutedDrains = new AtomicInteger();
  private RuntimeException lateFailure;
  private volatile FaultBatch storm;
  private volatile boolean enabled;
  private volatile boolean closed;

  FakeIommu(FakeIommuProvider provider, Machine machine) {
    this.provider = provider;
    this.machine = machine;
  }

  /** Makes the next drain return this fault. */
  public synchronized void record(DmaFault fault) {
    faults.add(fault);
  }

  /**
   * Records a fault of where {@code rid} is at this moment: its reason is the domain's name. Does
   * nothing while many wait.
   */
  public synchronized void recordWhereItIs(Rid rid) {
    FakeDomain domain = places.get(rid);
    if (domain != null && faults.size() < 64) {
      faults.add(new DmaFault("fake0", rid, 0x1000, Access.WRITE, 5, domain.name()));
    }
  }

  /** Makes the next drain say that faults were lost. */
  public void overflow() {
    overflowed = true;
  }

  /** Makes drains fail until told otherwise, as those of a unit that does not answer. */
  public void mute(boolean on) {
    mute = on;
  }

  /** Returns how many drains failed because it was mute. */
  public int mutedDrains() {
    return mutedDrains.get();
  }

  /**
   * Makes the next move throw this after it is done, as where an old table cannot be given back.
   */
  public synchronized void failAfterMove(RuntimeException failure) {
    lateFailure = failure;
  }

  /** Makes every drain return this; null ends it. */
  public void storm(FaultBatch batch) {
    storm = batch;
  }

  /** Returns where a DMA goes now: 1:1 while off, else by the requester's domain. */
  public synchronized Optional<Long> dma(Rid rid, long iova, Access access) {
    if (!enabled) {
      return Optional.of(iova);
    }
    FakeDomain domain = places.get(rid);
    return domain == null
        ? Optional.empty()
        : domain
            .translate(iova)
            .filter(to -> !access.readable() || to.access().readable())
            .filter(to -> !access.writable() || to.access().writable())
            .map(Translation::hpa);
  }

  /** Returns the domains that were created and not closed, by creation. */
  public synchronized List<String> openDomains() {
    return domains.stream().filter(domain -> domain.open).map(FakeDomain::name).toList();
  }

  /** Returns where every requester id is. */
  public synchronized Map<Rid, String> places() {
    Map<Rid, String> names = new TreeMap<>();
    places.forEach((rid, domain) -> names.put(rid, domain.name()));
    return names;
  }

  /** Says whether it was given back. */
  public boolean closed() {
    return closed;
  }

  @Override
  public IommuCapabilities capabilities() {
    return provider.capabilities;
  }

  @Override
  public List<String> units() {
    return List.of("fake0");
  }

  @Override
  public Optional<String> unitOf(Rid rid) {
    return provider.covered.test(rid) ? Optional.of("fake0") : Optional.empty();
  }

  @Override
  public synchronized Domain createDomain(DomainSpec spec) {
    plan().called(Kind.CREATE_DOMAIN, String.format("%s 0x%x", spec.name(), spec.lastIova()));
    requireOpen("createDomain");
    int bits = capabilities().iovaBits();
    if (bits < 64 && (spec.lastIova() >>> bits) != 0) {
      throw VmmException.invalid("no unit reaches 0x%x: %d bits", spec.lastIova(), bits);
    }
    FakeDomain domain = new FakeDomain(spec);
    domains.add(domain);
    return domain;
  }

  @Override
  public synchronized void move(Collection<Rid> rids, Domain domain) {
    plan().called(Kind.MOVE, List.copyOf(rids) + " " + domain.name());
    requireOpen("move");
    if (!(domain instanceof FakeDomain target) || !domains.contains(target) || !target.open) {
      throw VmmException.invalid("domain %s is closed or not of this I/O MMU", domain.name());
    }
    for (Rid rid : rids) {
      if (unitOf(rid).isEmpty()) {
        throw new VmmException(Errno.ENXIO, "no unit translates for " + rid);
      }
    }
    rids.forEach(rid -> places.put(rid, target));
    RuntimeException late = lateFailure;
    if (late != null) {
      lateFailure = null;
      throw late;
    }
  }

  @Override
  public synchronized Optional<Domain> domainOf(Rid rid) {
    return Optional.ofNullable(places.get(rid));
  }

  @Override
  public synchronized void enable() {
    plan().called(Kind.ENABLE, "");
    requireOpen("enable");
    for (PciFunction function : machine.pci().functions()) {
      if (unitOf(function.rid()).isPresent() && !places.containsKey(function.rid())) {
        provider.violated("enabled while " + function.rid() + " is in no domain");
      }
    }
    enabled = !provider.ignoresEnable();
  }

  @Override
  public synchronized void disable() {
    plan().called(Kind.DISABLE, "");
    enabled = false;
  }

  @Override
  public boolean enabled() {
    return enabled;
  }

  @Override
  public Optional<InterruptRemapping> interruptRemapping() {
    return provider.interrupts;
  }

  @Override
  public List<ReservedRegion> reservedRegions(Rid rid) {
    return provider.reserved.apply(rid);
  }

  @Override
  public List<UntranslatedRange> untranslatedRanges() {
    return provider.untranslated;
  }

  @Override
  public FaultBatch drainFaults() {
    if (mute) {
      mutedDrains.incrementAndGet();
      throw new VmmException(Errno.EIO, "the fake unit does not tell its faults");
    }
    FaultBatch standing = storm;
    if (standing != null) {
      return standing;
    }
    synchronized (this) {
      FaultBatch batch = new FaultBatch(faults, overflowed);
      faults.clear();
      overflowed = false;
      return batch;
    }
  }

  @Override
  public synchronized void close() {
    plan().called(Kind.CLOSE, "");
    if (closed) {
      return;
    }
    enabled = false;
    places.clear();
    closed = true;
  }

  private FakePlan plan() {
    return provider.plan;
  }

  private void requireOpen(String what) {
    if (closed) {
      provider.violated(what + " after close");
      throw VmmException.invalid("%s: the fake I/O MMU is closed", what);
    }
  }
}
