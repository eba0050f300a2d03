package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The I/O MMU that is started by the first assign.
 *
 * <p>One lock, the innermost of the platform's (VM, device, I/O MMU), guards everything that
 * changes. {@link #state()} never waits for it.
 */
final class LazyIommu implements IommuService {
  private static final Logger LOG = LoggerFactory.getLogger(LazyIommu.class);

  private final BackendDiscovery discovery;
  private final IommuLifecycle lifecycle;
  private final Homes homes;
  private final Firmware firmware;
  private final IommuPolicy policy;
  private final ReentrantLock lock = new ReentrantLock();
  private final FaultPipeline faults;
  private final FaultWatches watches = new FaultWatches(this::drainFaults);

  private final IommuRun run;

  private volatile boolean closed;

  LazyIommu(
      Machine machine,
      Tunables tunables,
      BackendLoader.Source source,
      boolean requiresInterruptRemapping) {
    discovery = new BackendDiscovery(machine, tunables, source);
    lifecycle = new IommuLifecycle(tunables.get(CoreTunables.IOMMU_ENABLE));
    firmware = new Firmware(machine, discovery, lifecycle.state() == IommuState.DISABLED);
    homes = new Homes(tunables.get(CoreTunables.PPT_HOME));
    policy =
        new IommuPolicy(
            machine,
            tunables,
            new InterruptPolicy(tunables, requiresInterruptRemapping, discovery));
    faults =
        new FaultPipeline(
            tunables.get(CoreTunables.FAULT_RATE_LIMIT),
            tunables.get(CoreTunables.FAULT_THRESHOLD),
            System::nanoTime,
            rid -> block(List.of(rid), "it made too many faults, and went on"));
    run = new IommuRun(machine, tunables, discovery, firmware, homes, faults, lifecycle);
  }

  @Override
  public Presence present() {
    return firmware.present();
  }

  @Override
  public Optional<Obstacle> absence() {
    return firmware.absence();
  }

  @Override
  public Optional<Obstacle> reservation(PciFunction function, Collection<Rid> ids) {
    Optional<IommuSurvey> survey = firmware.survey();
    return survey.isEmpty()
        ? Optional.empty()
        : Spi.get(
            "asking what firmware reserves for " + function.rid(),
            () -> policy.reserved(survey.get(), function, ids));
  }

  @Override
  public List<Obstacle> obstacles(PciFunction function, Collection<Rid> ids, VmNeed need) {
    Optional<Obstacle> absence = absence();
    if (absence.isPresent()) {
      return List.of(absence.get());
    }
    Optional<IommuSurvey> survey = firmware.survey();
    String backend = discovery.select().presence().backend();
    return locked(
        () -> {
          List<Obstacle> obstacles = new ArrayList<>();
          failure().map(IommuPolicy::startFailed).ifPresent(obstacles::add);
          obstacles.addAll(
              Spi.get(
                  "asking what stands in the way of " + function.rid(),
                  () -> policy.against(run.session(), survey, backend, function, ids, need)));
          return List.copyOf(obstacles);
        });
  }

  /**
   * Refuses a function that must not come into a VM's domain, and returns the regions that must be
   * mapped for it there first.
   *
   * @throws VmmException ENXIO or EPERM
   */
  List<ReservedRegion> admit(Rid function) {
    return locked(
        () -> {
          IommuSession running = running("assign " + function);
          Collection<Rid> ids = running.placement().topology().requesterIds(function).all();
          return Spi.get(
              "admitting " + function, () -> policy.admit(running, firmware::survey, ids));
        });
  }

  /** Returns the ranges that no domain may map. */
  List<UntranslatedRange> untranslatedRanges() {
    return locked(
        () -> {
          Iommu iommu = running("map a VM's memory").iommu();
          return Spi.get("asking for ranges that are not translated", iommu::untranslatedRanges);
        });
  }

  @Override
  public IommuState state() {
    return lifecycle.state();
  }

  @Override
  public Optional<VmmException> failure() {
    return lifecycle.failure();
  }

  @Override
  public Optional<Duration> startTime() {
    return state() == IommuState.ON ? Optional.of(run.startTime()) : Optional.empty();
  }

  @Override
  public List<String> status() {
    List<String> lines = new ArrayList<>();
    lines.add("state: " + state());
    failure().map(IommuPolicy::lastStart).ifPresent(text -> lines.add("failure: " + text));
    lines.addAll(discovery.report());
    return List.copyOf(lines);
  }

  /** Returns the tunables of the back ends that are loaded by now. */
  List<Tunable<?>> backendTunables() {
    return discovery.backendTunables();
  }

  @Override
  public void claim(Collection<Rid> rids) {
    underLock(
        () -> {
          homes.requireUnclaimed(rids);
          IommuSession running = run.session();
          if (running == null) {
            homes.claim(rids);
          } else {
            running.meet(rids);
            running.change(rids, () -> homes.claim(rids), () -> homes.unclaim(rids));
          }
          faults.owners().claimed(rids);
        });
  }

  @Override
  public void sized(PciFunction function, List<Bar> bars) {
    underLock(() -> homes.shares().note(function, bars));
  }

  @Override
  public void unclaim(Collection<Rid> rids) {
    underLock(
        () -> {
          List<Rid> claimed = rids.stream().filter(homes::claimed).toList();
          IommuSession running = run.session();
          if (running == null) {
            homes.letGo(rids);
          } else {
            running.requireNoneInVm(rids);
            // After a failure claimed again, but not held: its driver has quiesced it, or would not
            // give it back. Held on it would keep a unit that does not answer from ever being
            // turned off.
            running.change(rids, () -> homes.letGo(rids), () -> homes.claim(claimed));
          }
          faults.owners().unclaimed(rids);
        });
  }

  @Override
  public void move(Collection<Rid> rids, Domain domain) {
    underLock(() -> running("move " + rids + " to domain " + domain.name()).seat(rids, domain));
  }

  @Override
  public void release(Collection<Rid> rids) {
    underLock(
        () -> {
          IommuSession running = running("release " + rids);
          Map<Rid, String> held = homes.held();
          held.keySet().retainAll(Set.copyOf(rids));
          running.change(
              rids,
              () -> {
                homes.unhold(rids);
                running.placement().unseat(rids);
              },
              () -> held.forEach((rid, why) -> homes.hold(List.of(rid), why)));
        });
  }

  @Override
  public void block(Collection<Rid> rids, String why) {
    underLock(
        () -> {
          homes.hold(rids, why);
          IommuSession running = run.session();
          if (running != null) {
            running.placement().unseat(rids);
            running.place(running.placement().idsOf(rids));
          }
        });
  }

  @Override
  public Optional<InterruptEntries> reserveInterrupts(Rid source, int count) {
    return locked(
        () ->
            Optional.ofNullable(run.session())
                .flatMap(running -> running.reserveInterrupts(source, count)));
  }

  @Override
  public HostMessages hostMessages(Rid function, MsiMessage first, int count) {
    return locked(
        () ->
            Optional.ofNullable(run.session())
                .map(running -> running.hostMessages(function, first, count, this::underLock))
                .orElseGet(() -> PlainMessages.of(function, first, count)));
  }

  @Override
  public void rescan() {
    gone(List.of());
  }

  /** As {@link #rescan}, knowing that these functions were pulled out of the machine. */
  void gone(Collection<Rid> functions) {
    underLock(
        () -> {
          IommuSession running = run.session();
          if (running != null) {
            running.gone(functions);
          }
        });
  }

  @Override
  public Optional<String> domainNameOf(Rid rid) {
    IommuSession running = run.session();
    return running == null ? Optional.empty() : running.domainOf(rid).map(Domain::name);
  }

  @Override
  public List<OwnedFault> drainFaults() {
    List<OwnedFault> drained = faults.drain();
    for (Admission suspect : faults.takeSuspects()) {
      // Not in the middle of a change: a reset, too, clears what a function is told apart by.
      suspect.vm.ifFree(() -> lookAt(suspect));
    }
    return drained;
  }

  /**
   * A fault may be of a newcomer, of which no machine told, at the place of a VM's device. Waits
   * for nobody: who has the lock may be looking, and else the next fault is another occasion.
   */
  private void lookAt(Admission suspect) {
    if (suspect.over() || !lock.tryLock()) {
      return;
    }
    try {
      IommuSession running = run.session();
      if (running != null) {
        running.lookAt(suspect.rid);
      }
    } catch (VmmException e) {
      LOG.warn("nobody knows whether {} is still what its VM was given", suspect.rid, e);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Listening onFault(Consumer<OwnedFault> listener) {
    return faults.listen(listener);
  }

  @Override
  public FaultStatistics faultStatistics() {
    return faults.statistics();
  }

  @Override
  public long faultsOf(Rid device) {
    return faults.countOf(device);
  }

  @Override
  public Listening watchFaults(Duration period) {
    return watches.open(period);
  }

  FaultPipeline faults() {
    return faults;
  }

  /**
   * Starts the I/O MMU unless it is on. Threads that come while a start is under way wait for it
   * and share what comes of it; one that comes after a failure tries again.
   *
   * @throws VmmException ENXIO with {@link Presence#REFUSAL} and the reason
   */
  void ensureOn() {
    int seen = lifecycle.finishedTries();
    lock.lock();
    try {
      if (closed) {
        throw new VmmException(
            Errno.ENXIO, Presence.REFUSAL + ": the platform is closed; open it again");
      }
      switch (lifecycle.state()) {
        case ON -> rescan();
        case DISABLED -> throw IommuPolicy.disabled().refusal("");
        case OFF, FAILED, STARTING -> {
          Optional<VmmException> failure = lifecycle.failure();
          if (failure.isPresent() && lifecycle.finishedTries() != seen) {
            throw IommuPolicy.startFailed(failure.get()).refusal("", failure.get());
          }
          run.start();
        }
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public PciTopology topology() {
    IommuSession running = run.session();
    return running != null ? running.placement().topology() : firmware.topology();
  }

  /** Creates a VM's domain that reaches {@code lastGpa}, and {@code wished} if units can. */
  Domain createDomain(String name, long lastGpa, long wished) {
    return locked(
        () -> {
          IommuSession running = running("create domain " + name);
          return running.create(new DomainSpec(name, running.lastIovaFor(lastGpa, wished)));
        });
  }

  /** Closes a VM's domain; whoever is left in it is blocked first. */
  void closeDomain(Domain domain) {
    underLock(() -> running("close domain " + domain.name()).closeDomain(domain));
  }

  /** Blocks {@code rid} if it is still in {@code domain}, which its device has left. */
  void expel(Rid rid, Domain domain) {
    underLock(
        () -> {
          IommuSession running = run.session();
          if (running != null && running.lingers(rid, domain)) {
            LOG.warn("{} is not its VM's but still in domain {}: blocked", rid, domain.name());
            block(
                List.of(rid), "it was still in domain " + domain.name() + " after its VM lost it");
          }
        });
  }

  /** Returns the machine to how it was found, for good. A close that failed may be tried again. */
  void close() {
    closed = true;
    lock.lock();
    try {
      run.leave();
      watches.close(); // not before: a device for which it stays on is watched on
      run.end();
    } finally {
      lock.unlock();
    }
  }

  private void underLock(Runnable step) {
    locked(
        () -> {
          step.run();
          return step;
        });
  }

  private <T> T locked(Supplier<T> step) {
    lock.lock();
    try {
      return step.get();
    } finally {
      lock.unlock();
    }
  }

  private IommuSession running(String what) {
    IommuSession running = run.session();
    if (running == null) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot "
              + what
              + ": the I/O MMU is "
              + state()
              + ", expected ON; assign a device first");
    }
    return running;
  }
}
