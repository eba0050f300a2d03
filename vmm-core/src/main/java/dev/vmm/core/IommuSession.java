package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One run of the I/O MMU, from open to close: the back end's object, the two domains that are
 * always there, and who was put where.
 *
 * <p>Not thread-safe: used under the I/O MMU's lock, except for {@link #domainOf}, {@link
 * #drainFaults} and what else the fault pipeline asks.
 */
final class IommuSession {
  private static final Logger LOG = LoggerFactory.getLogger(IommuSession.class);

  /** What a VM's domain reaches at least, in bits: the width that every I/O MMU has. */
  private static final int USUAL_BITS = 39;

  private final Machine machine;
  private final Homes homes;
  private final Iommu iommu;
  private final FaultPipeline faults;

  /** The function that each requester id of the host stands for, as of the last look. */
  private final Map<Rid, Rid> functions = new ConcurrentHashMap<>();

  /** Every domain that is not closed, in the order of creation. */
  private final List<Domain> domains = new ArrayList<>();

  /** The functions that were there at the last look. */
  private final Set<Rid> known = new TreeSet<>();

  /** Every requester id that was ever moved: where to look for ones left in a domain. */
  private final Set<Rid> moved = new TreeSet<>();

  private volatile boolean open = true;
  private boolean unitsClosed;
  private volatile @Nullable Domain host;
  private volatile @Nullable Domain blocked;

  IommuSession(Machine machine, Homes homes, Iommu iommu, FaultPipeline faults) {
    this.machine = machine;
    this.homes = homes;
    this.iommu = iommu;
    this.faults = faults;
  }

  /**
   * Makes the two domains, puts every function into its home, and only then turns translation on.
   * After a failure {@link #close} undoes what was done.
   */
  void start() {
    // Looked for once: on a real bus each look costs thousands of accesses.
    Set<Rid> present = presentIds();
    List<AddressRange> ranges = HostRanges.merged(hostRanges(present));
    if (ranges.isEmpty()) {
      throw new VmmException(
          Errno.ENXIO, "machine " + machine.name() + " has no RAM: nothing to map for the host");
    }
    Domain hostDomain =
        create(new DomainSpec("host", ranges.get(ranges.size() - 1).last(), true, true));
    host = hostDomain;
    for (AddressRange range : ranges) {
      Spi.run(
          "mapping " + range + " in the host domain",
          () ->
              hostDomain.map(range.start(), range.start(), range.lengthBytes(), Access.READ_WRITE));
    }
    blocked = create(new DomainSpec("blocked", lastIovaFor(0), true));
    settle(present);
    Spi.run("turning translation on", iommu::enable);
    if (!iommu.enabled()) {
      throw new VmmException(
          Errno.EIO,
          "turning translation on had no effect in units "
              + iommu.units()
              + ": their status says off; look at the back end's log");
    }
  }

  /**
   * Returns all RAM, and the regions outside RAM that firmware reserves for functions that are
   * there now: their DMA goes on when translation does. One that no unit can reach is firmware's
   * mistake and not worth a refusal.
   */
  private List<AddressRange> hostRanges(Set<Rid> present) {
    List<AddressRange> ranges = new ArrayList<>(machine.memory().ram());
    IommuCapabilities capabilities = iommu.capabilities();
    int bits = Math.min(capabilities.hpaBits(), capabilities.iovaBits());
    for (Rid rid : present) {
      for (ReservedRegion region : iommu.reservedRegions(rid)) {
        if (bits < Long.SIZE && region.range().last() >>> bits != 0) {
          LOG.warn(
              "the region {} reserved for {} by {} is beyond the reach of {} bits: not mapped",
              region.range(),
              rid,
              region.source(),
              bits);
        } else {
          ranges.add(region.range());
        }
      }
    }
    return ranges;
  }

  /**
   * Returns the last iova of a domain that must reach {@code lastAddress}: at least 39 bits wide
   * unless the units are narrower, so that memory added later finds room.
   */
  long lastIovaFor(long lastAddress) {
    int bits =
        Math.min(USUAL_BITS, Spi.get("reading the capabilities", iommu::capabilities).iovaBits());
    long usual = (1L << bits) - 1;
    return Long.compareUnsigned(lastAddress, usual) > 0 ? lastAddress : usual;
  }

  Domain create(DomainSpec spec) {
    Domain domain = Spi.get("creating the domain " + spec.name(), () -> iommu.createDomain(spec));
    domains.add(domain);
    return domain;
  }

  /** Closes a domain, after putting away whoever was left in it against the rules. */
  void closeDomain(Domain domain) {
    List<Rid> left = moved.stream().filter(rid -> isIn(rid, domain)).toList();
    if (!left.isEmpty()) {
      LOG.warn("{} still in domain {} at its end: blocked", left, domain.name());
      homes.hold(left);
      move(left, blocked());
    }
    Spi.run("closing the domain " + domain.name(), domain::close);
    domains.removeIf(each -> each == domain);
  }

  /** Puts functions that appeared into their homes and forgets those that vanished. */
  void rescan() {
    settle(presentIds());
  }

  private void settle(Set<Rid> present) {
    known.retainAll(present);
    Set<Rid> arrived = new TreeSet<>(present);
    arrived.removeAll(known);
    // A function that did not answer for a moment, in a reset say, keeps its VM.
    arrived.removeIf(this::inVmDomain);
    moveHome(arrived);
    known.addAll(present);
  }

  /** Returns the requester ids that a unit covers, of the functions that are there now. */
  private Set<Rid> presentIds() {
    Set<Rid> present = new TreeSet<>();
    for (PciFunction function : machine.pci().functions()) {
      for (Rid rid : RequesterIds.of(function)) {
        if (covered(rid)) {
          present.add(rid);
          boolean own = rid.equals(function.rid());
          functions.merge(rid, function.rid(), (old, found) -> own ? found : old);
        }
      }
    }
    // Ids that a driver claimed beside the function's own, such as an alias, are no functions.
    homes.claimedOrHeld().filter(this::covered).forEach(present::add);
    return present;
  }

  /** Moves those that a unit covers to their homes. */
  void moveHome(Collection<Rid> rids) {
    List<Rid> toHost = new ArrayList<>();
    List<Rid> toBlocked = new ArrayList<>();
    for (Rid rid : rids) {
      if (covered(rid)) {
        (homes.blocked(rid) ? toBlocked : toHost).add(rid);
      }
    }
    // Blocked first: should the second move fail, nobody has been let out.
    move(toBlocked, blocked());
    move(toHost, host());
  }

  void moveToBlocked(Collection<Rid> rids) {
    move(rids.stream().filter(this::covered).toList(), blocked());
  }

  /** Moves all or none. */
  void move(Collection<Rid> rids, Domain domain) {
    if (rids.isEmpty()) {
      return;
    }
    List<Rid> copy = List.copyOf(rids);
    moved.addAll(copy);
    faults.moving(this, copy);
    try {
      Spi.run("moving " + copy + " to domain " + domain.name(), () -> iommu.move(copy, domain));
    } finally {
      faults.moved(this);
    }
  }

  boolean isIn(Rid rid, Domain domain) {
    return domainOf(rid).filter(now -> now == domain).isPresent();
  }

  Optional<Domain> domainOf(Rid rid) {
    return open
        ? Spi.get("asking for the domain of " + rid, () -> iommu.domainOf(rid))
        : Optional.empty();
  }

  /**
   * Returns the domain that {@code rid} is in, or null: also where the back end does not tell.
   * Asked for each fault of a storm: makes no message that nobody reads.
   */
  @Nullable Domain placeOf(Rid rid) {
    if (!open) {
      return null;
    }
    try {
      return iommu.domainOf(rid).orElse(null);
    } catch (RuntimeException | LinkageError | AssertionError e) {
      LOG.debug("the back end does not tell where {} is", rid, e);
      return null;
    }
  }

  /** Returns the function that {@code rid} stands for, by the last look at the bus. */
  Optional<Rid> deviceOf(Rid rid) {
    return Optional.ofNullable(functions.get(rid));
  }

  boolean isHost(Domain domain) {
    return domain == host;
  }

  boolean isBlocked(Domain domain) {
    return domain == blocked;
  }

  FaultBatch drainFaults() {
    return open ? Spi.get("reading faults", iommu::drainFaults) : FaultBatch.EMPTY;
  }

  Iommu iommu() {
    return iommu;
  }

  /**
   * Gives the units back as they were found, then frees the domains: nothing is freed while a unit
   * may walk it. After a failure it goes on, when called again, with what is left.
   */
  void close() {
    open = false;
    if (!unitsClosed) {
      Spi.run("giving the I/O MMU back", iommu::close);
      unitsClosed = true;
    }
    Failures failures = new Failures();
    for (Domain domain : List.copyOf(domains)) {
      if (failures.attempt("closing the domain " + domain.name(), domain::close)) {
        domains.removeIf(each -> each == domain);
      }
    }
    failures.throwFirst();
  }

  boolean covered(Rid rid) {
    return Spi.get("asking for the unit of " + rid, () -> iommu.unitOf(rid)).isPresent();
  }

  private boolean inVmDomain(Rid rid) {
    return domainOf(rid).filter(now -> now != host && now != blocked).isPresent();
  }

  private Domain host() {
    return Objects.requireNonNull(host);
  }

  private Domain blocked() {
    return Objects.requireNonNull(blocked);
  }
}
