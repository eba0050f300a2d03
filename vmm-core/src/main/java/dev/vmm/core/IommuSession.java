package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PatientPci;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
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
  private final Function<Rid, List<Rid>> firmwareAliases;
  private final Placement placement;
  private final HostInterrupts hostInterrupts;
  private final Occupants occupants = new Occupants();

  /** The function that each requester id stands for, as of the last look; never changed. */
  private volatile Map<Rid, Rid> functions = Map.of();

  /** Every domain that is not closed, in the order of creation. */
  private final List<Domain> domains = new ArrayList<>();

  private final DomainMoves moves;

  private volatile boolean open = true;
  private boolean unitsClosed;
  private volatile @Nullable Domain host;
  private volatile @Nullable Domain blocked;

  IommuSession(
      Machine machine,
      Homes homes,
      Iommu iommu,
      Function<Rid, List<Rid>> firmwareAliases,
      FaultPipeline faults) {
    this.machine = machine;
    this.homes = homes;
    this.iommu = iommu;
    this.firmwareAliases = firmwareAliases;
    placement = new Placement(homes);
    moves = new DomainMoves(this, iommu, faults, this::rank);
    hostInterrupts = new HostInterrupts(machine, iommu, placement, homes.shares(), this::covered);
  }

  /**
   * Makes the two domains, puts every function into its home, and only then turns translation on.
   * After a failure {@link #close} undoes what was done.
   */
  void start() {
    // Looked for once: on a real bus each look costs thousands of accesses.
    look();
    Set<Rid> present = coveredIds();
    List<AddressRange> ranges = HostRanges.of(machine, iommu, present);
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
    blocked = create(new DomainSpec("blocked", lastIovaFor(0, 0), true));
    settle();
    hostInterrupts.take();
    Spi.run("turning translation on", iommu::enable);
    if (!iommu.enabled()) {
      throw new VmmException(
          Errno.EIO,
          "turning translation on had no effect in units "
              + iommu.units()
              + ": their status says off; look at the back end's log");
    }
    hostInterrupts.release();
  }

  /** As {@link IommuService#hostMessages}; {@code locked} runs what ends them. */
  HostMessages hostMessages(Rid function, MsiMessage first, int count, Consumer<Runnable> locked) {
    meet(List.of(function));
    return hostInterrupts.open(function, first, count, locked);
  }

  HostInterrupts hostInterrupts() {
    return hostInterrupts;
  }

  DomainMoves moves() {
    return moves;
  }

  /**
   * Returns the last iova of a domain that must reach {@code lastAddress}: at least 39 bits wide
   * unless the units are narrower, so that memory added later finds room.
   *
   * @param wished what it reaches, too, if the units do
   */
  long lastIovaFor(long lastAddress, long wished) {
    int most = Spi.get("reading the capabilities", iommu::capabilities).iovaBits();
    long last = (1L << Math.min(USUAL_BITS, most)) - 1;
    if (most >= Long.SIZE || wished >>> most == 0) {
      last = Long.compareUnsigned(wished, last) > 0 ? wished : last;
    }
    return Long.compareUnsigned(lastAddress, last) > 0 ? lastAddress : last;
  }

  Domain create(DomainSpec spec) {
    Domain domain = Spi.get("creating the domain " + spec.name(), () -> iommu.createDomain(spec));
    domains.add(domain);
    return domain;
  }

  /** Closes a domain, after putting away whoever was left in it against the rules. */
  void closeDomain(Domain domain) {
    List<Rid> seated = placement.seatedIn(domain);
    homes.hold(seated, "it was still in domain " + domain.name() + " when that ended");
    placement.unseat(seated);
    List<Rid> left = moves.moved().stream().filter(rid -> isIn(rid, domain)).toList();
    if (!left.isEmpty()) {
      LOG.warn("{} still in domain {} at its end: blocked", left, domain.name());
      moves.run(left, blocked());
    }
    Spi.run("closing the domain " + domain.name(), domain::close);
    domains.removeIf(each -> each == domain);
  }

  /** Puts functions that appeared into their homes and forgets those that vanished. */
  void rescan() {
    look();
    settle();
    hostInterrupts.look();
  }

  /**
   * As {@link #rescan}, knowing that these functions are gone: none of them is in a VM's domain any
   * more, nor is what sits at their places later. They stay claimed until their driver lets go.
   */
  void gone(Collection<Rid> functions) {
    List<Rid> seated = placement.seated().stream().filter(functions::contains).toList();
    if (!seated.isEmpty()) {
      LOG.warn("{} of a VM were pulled out of the machine", seated);
      placement.unseat(seated);
    }
    rescan();
  }

  private void look() {
    PciTopology topology =
        PciTopology.of(
            new PatientPci(machine.pci(), placement::knows).functions(), firmwareAliases);
    placement.look(topology);
    List<Rid> replaced = occupants.replaced(placement.seated(), topology);
    if (!replaced.isEmpty()) {
      LOG.error(
          "{} of a VM are not the functions that the VM was given: these were pulled out, or reset behind its back, and"
              + " what is there now is kept out of the VM; unassign and detach them",
          replaced);
      placement.unseat(replaced);
    }
    Map<Rid, Rid> found = new HashMap<>();
    // A bridge's ids are first of all those of who is behind it.
    topology.functions().stream()
        .sorted(Comparator.comparing(PciFunction::isBridge))
        .map(function -> topology.requesterIds(function.rid()))
        .forEach(ids -> ids.all().forEach(id -> found.putIfAbsent(id, ids.rid())));
    topology.functions().forEach(function -> found.put(function.rid(), function.rid()));
    functions = found;
  }

  /**
   * Looks whether another sits at a function's place: there only, and at the buses if it seems so.
   */
  void lookAt(Rid function) {
    if (occupants.seemsReplaced(function, machine.pci().config(function))) {
      rescan();
    }
  }

  /** Looks again if one of these functions was not there at the last look. */
  void meet(Collection<Rid> functions) {
    if (!functions.stream().allMatch(placement::knows)) {
      rescan();
    }
  }

  /** As {@link Placement#requireNoneInVm}, by what is there now: a refusal is worth a look. */
  void requireNoneInVm(Collection<Rid> functions) {
    try {
      placement.requireNoneInVm(functions);
    } catch (VmmException e) {
      LOG.debug("looking again", e);
      rescan();
      placement.requireNoneInVm(functions);
    }
  }

  Placement placement() {
    return placement;
  }

  /** Moves every requester id that is not where it belongs; what is left is for the next time. */
  private void settle() {
    Map<Domain, List<Rid>> due = new HashMap<>();
    for (Rid rid : coveredIds()) {
      Domain now = domainOf(rid).orElse(null);
      Domain wanted = placement.domainFor(rid, host(), blocked());
      if (now == wanted) {
        continue;
      }
      if (now != null && wanted == blocked() && placement.isSenders(rid, now)) {
        List<Rid> strangers = placement.hostsAmongSendersOf(rid);
        LOG.error(
            "requester id {} is blocked, and the devices of {} that send it reach nothing: {}",
            rid,
            now.name(),
            strangers.isEmpty()
                ? "a device that can send it could not be quiesced or is in another domain"
                : strangers
                    + " of the host can send it, too; attach that to the ppt driver, or unassign the others");
      }
      due.computeIfAbsent(wanted, key -> new ArrayList<>()).add(rid);
    }
    // What nobody sends any more must not stay where it leads to a VM.
    for (Rid rid : moves.moved()) {
      if (inVmDomain(rid) && placement.sendersOf(rid).isEmpty()) {
        due.computeIfAbsent(blocked(), key -> new ArrayList<>()).add(rid);
      }
    }
    // What was done before one fails stays done: moved back, an id that was blocked would let the
    // host's new device into the VM.
    moves.runAsFarAsPossible(due);
  }

  /** Returns the requester ids that a unit covers, of all functions that are there or held. */
  private Set<Rid> coveredIds() {
    Set<Rid> present = placement.ids();
    present.removeIf(rid -> !covered(rid));
    return present;
  }

  /** Moves requester ids that a unit covers to where they belong, all or none. */
  void place(Collection<Rid> ids) {
    List<Rid> covered = ids.stream().filter(this::covered).toList();
    moves.run(DomainMoves.byTarget(covered, id -> placement.domainFor(id, host(), blocked())));
  }

  /**
   * Changes where functions belong, and moves all their requester ids there, all or none; after a
   * failure {@code undo} is run, and they belong where they did.
   */
  void change(Collection<Rid> functions, Runnable change, Runnable undo) {
    Placement.Memory before = placement.remember(functions);
    Set<Rid> ids = placement.idsOf(functions);
    change.run();
    placement.keep(functions);
    try {
      hostInterrupts.giveUp(functions);
      place(ids);
    } catch (RuntimeException e) {
      undo.run();
      placement.recall(before);
      hostInterrupts.look(functions);
      throw e;
    }
    hostInterrupts.look(functions);
  }

  /** Moves all requester ids of functions into a VM's domain, all or none. */
  void seat(Collection<Rid> functions, Domain domain) {
    placement.requireTogether(functions, domain);
    occupants.meet(functions, placement.topology());
    Placement.Memory before = placement.remember(functions);
    placement.seat(functions, domain);
    try {
      hostInterrupts.giveUp(functions);
      moves.run(Map.of(domain, List.copyOf(placement.idsOf(functions))));
    } catch (RuntimeException e) {
      placement.recall(before);
      hostInterrupts.look(functions);
      throw e;
    }
  }

  /** Says whether a function that is to have left a VM's domain is still in it. */
  boolean lingers(Rid function, Domain domain) {
    return placement.seatedIn(domain).contains(function)
        || placement.idsOf(List.of(function)).stream()
            .anyMatch(
                id -> isIn(id, domain) && placement.domainFor(id, host(), blocked()) != domain);
  }

  /** Where to move first: should a later move fail, nobody is let out. */
  private int rank(Domain target) {
    return target == blocked() ? 0 : target == host() ? 2 : 1;
  }

  boolean isIn(Rid rid, Domain domain) {
    return domainOf(rid).filter(now -> now == domain).isPresent();
  }

  Optional<Domain> domainOf(Rid rid) {
    return open
        ? Spi.get("asking for the domain of " + rid, () -> iommu.domainOf(rid))
        : Optional.empty();
  }

  Optional<InterruptEntries> reserveInterrupts(Rid source, int count) {
    return Spi.get("asking for interrupt remapping", iommu::interruptRemapping)
        .filter(remapping -> covered(source))
        .map(
            remapping ->
                Spi.get(
                    "reserving interrupt entries for " + source,
                    () -> remapping.allocate(source, count)));
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
   * Refuses to end while a device that could not be quiesced is blocked: without translation it
   * would reach all of the host (EBUSY).
   */
  void requireNobodyHeld() {
    Map<Rid, String> held = homes.held();
    held.keySet().removeIf(rid -> !covered(rid));
    if (!held.isEmpty()) {
      throw new VmmException(
          Errno.EBUSY,
          "the I/O MMU stays on, for without translation the DMA of what is blocked would reach all"
              + " memory: "
              + held.entrySet().stream()
                  .map(each -> each.getKey() + " (" + each.getValue() + ")")
                  .collect(Collectors.joining(", "))
              + "; detach that, which resets it again, then close the platform again; if the machine"
              + " itself is gone, so that no reset succeeds, close the machine");
    }
  }

  /**
   * Gives the units back as they were found, then frees the domains: nothing is freed while a unit
   * may walk it. After a failure it goes on, when called again, with what is left.
   */
  void close() {
    open = false;
    Failures failures = new Failures();
    if (!unitsClosed) {
      hostInterrupts.hold();
      unitsClosed = failures.attempt("giving the I/O MMU back", iommu::close);
    }
    failures.attempt("giving the host's interrupts back", hostInterrupts::end);
    // After a unit that is not off only: it may walk any of them.
    for (Domain domain : unitsClosed ? List.copyOf(domains) : List.<Domain>of()) {
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
