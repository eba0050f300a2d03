package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.FaultOwners.VmPlace;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The way of every fault: taken from the units, given its owner, counted, told within the rate, and
 * past the threshold its device's bus mastering is cut. A device that does not take that, or makes
 * as many more all the same, is blocked.
 *
 * <p>Whose a fault is, is known by when it was taken. The units are drained just before a move and
 * just after it: what the first brings was recorded while the requester ids were where they came
 * from, what the second brings may be of either side and is told as nobody's. A unit that could not
 * be asked leaves that open until it can. So no fault is ever told as another VM's. Nothing is told
 * while a move is under way; what it brought waits, bounded, for the next drain.
 *
 * <p>Thread-safe. Its lock comes after the I/O MMU's and before the units'; listeners and VMs are
 * called without it.
 */
final class FaultPipeline {
  /** The most reports of one device that wait, and of all. */
  static final int WAITING_EACH = 64;

  static final int WAITING_MOST = 4096;

  /** How often one drain asks again while units lose faults: a unit may record one at a time. */
  private static final int ROUNDS = 16;

  private static final long SECOND = 1_000_000_000L;
  private static final long MINUTE = 60 * SECOND;
  private static final Logger LOG = LoggerFactory.getLogger(FaultPipeline.class);

  /** A logger of its own, whose name is documented: whoever shows faults otherwise turns it off. */
  private static final Logger FAULTS = LoggerFactory.getLogger("dev.vmm.core.faults");

  private record Report(OwnedFault fault, boolean told, FaultCounters.Count count) {}

  private final LongSupplier nanoTime;
  private final Consumer<Rid> block;
  private final long threshold;
  private final FaultOwners owners = new FaultOwners();
  private final Listeners<OwnedFault> listeners = new Listeners<>();
  private final Object lock = new Object();
  private final FaultCounters counters;
  private final RateMeter overflowLines = new RateMeter(1, SECOND);
  private final RateMeter failureLines = new RateMeter(1, MINUTE);

  /** Requester ids that are being moved. */
  private final Set<Rid> moving = new HashSet<>();

  /** Requester ids that were moved, while a unit could not be asked. */
  private final Set<Rid> unsettled = new HashSet<>();

  private final Set<Admission> due = new LinkedHashSet<>();

  /** Those of whose requester ids there were faults, each once a second at most. */
  private final Set<Admission> suspects = new LinkedHashSet<>();

  private List<Report> waiting = new ArrayList<>();
  private long overflows;
  private @Nullable IommuSession session;

  /**
   * A pipeline with nothing in it.
   *
   * @param ratePerSecond how many faults of one device are told in a second; 0 for all
   * @param threshold how many of an assigned device there may be in a minute; 0 for any
   * @param nanoTime a time in nanoseconds that never goes back
   * @param block has a device's requests reach nothing; called with its VM's lock held
   */
  FaultPipeline(long ratePerSecond, long threshold, LongSupplier nanoTime, Consumer<Rid> block) {
    this.nanoTime = nanoTime;
    this.block = block;
    this.threshold = threshold;
    counters = new FaultCounters(ratePerSecond);
  }

  FaultOwners owners() {
    return owners;
  }

  IommuService.Listening listen(Consumer<OwnedFault> listener) {
    return listeners.add(listener);
  }

  /** Begins to take faults from a session whose units translate. */
  void begin(IommuSession started) {
    synchronized (lock) {
      session = started;
    }
  }

  /** Takes what is left in a session that is about to be closed. */
  void end() {
    synchronized (lock) {
      if (session != null) {
        collectAtMove(session);
      }
      session = null;
      moving.clear();
      unsettled.clear();
    }
  }

  /** Before a move: what is there by now is of where the requester ids still are. */
  void moving(IommuSession of, Collection<Rid> rids) {
    synchronized (lock) {
      if (of == session) {
        collectAtMove(of);
        moving.addAll(rids);
      }
    }
  }

  /** After a move, whether it went well or not. */
  void moved(IommuSession of) {
    synchronized (lock) {
      if (of == session) {
        boolean all = false;
        try {
          all = collectAtMove(of);
        } finally {
          if (!all) {
            unsettled.addAll(moving);
          }
          moving.clear();
        }
      }
    }
  }

  /** Notes that a device is about to enter a VM's domain. */
  Admission admitted(VmState vm, PassthroughDevice device, Domain domain) {
    Admission admission =
        new Admission(
            vm, device, domain, new RateMeter(threshold, MINUTE), new RateMeter(1, SECOND));
    owners.admitted(admission);
    return admission;
  }

  /** Notes that a device has left, or never came in. */
  void dismissed(Admission admission) {
    admission.end();
    owners.dismissed(admission);
    synchronized (lock) {
      due.remove(admission);
      suspects.remove(admission);
    }
  }

  /** Notes that a VM's memory is about to be unmapped. */
  void unmapped(Domain domain, long iova, long lengthBytes) {
    VmPlace place = owners.place(domain);
    if (place != null) {
      place.history().unmapped(iova, lengthBytes, nanoTime.getAsLong());
    }
  }

  FaultStatistics statistics() {
    synchronized (lock) {
      return counters.snapshot(overflows);
    }
  }

  /**
   * Takes the faults from the units, to be told later, and returns how many a device has made.
   *
   * @throws VmmException if a unit could not be asked, which may have some of them
   */
  long countOf(Rid device) {
    synchronized (lock) {
      if (session != null && !collect(session, 1, WAITING_EACH)) {
        throw new VmmException(
            Errno.EIO,
            "whether "
                + device
                + " made faults is not known: a unit did not tell its own, expected all to; drain the faults to see which,"
                + " and restart the machine if it does not recover");
      }
      return counters.faultsOf(device);
    }
  }

  /**
   * Takes the faults from the units, tells everybody, and cuts off who made too many.
   *
   * @throws VmmException if a unit could not be asked and no fault is there to be told
   */
  List<OwnedFault> drain() {
    List<Report> taken;
    VmmException failure = null;
    synchronized (lock) {
      if (session != null) {
        try {
          collect(session, ROUNDS, Integer.MAX_VALUE);
        } catch (VmmException e) {
          failure = e;
        }
      }
      taken = waiting;
      waiting = new ArrayList<>();
      taken.forEach(report -> report.count().waiting = 0);
    }
    List<OwnedFault> faults = new ArrayList<>(taken.size());
    for (Report report : taken) {
      faults.add(report.fault());
      if (report.told()) {
        if (FAULTS.isWarnEnabled()) {
          FAULTS.warn("{}", report.fault().describe());
        }
        listeners.tell(report.fault());
      }
    }
    stopThoseDue();
    if (failure != null && faults.isEmpty()) {
      throw failure;
    }
    return Collections.unmodifiableList(faults);
  }

  /** Returns those that may not be what they were, as they made faults; each once. */
  List<Admission> takeSuspects() {
    synchronized (lock) {
      if (suspects.isEmpty()) {
        return List.of();
      }
      List<Admission> taken = List.copyOf(suspects);
      suspects.clear();
      return taken;
    }
  }

  /** Returns whether every unit could be asked. A move does not fail because a unit does not. */
  private boolean collectAtMove(IommuSession from) {
    try {
      return collect(from, 1, WAITING_EACH);
    } catch (VmmException e) {
      if (failureLines.allows(nanoTime.getAsLong())) {
        LOG.warn("faults around a move could not be read, and may be told as nobody's", e);
      }
      return false;
    }
  }

  /**
   * Takes what the units have.
   *
   * @param most how many reports of one device may wait; all others are counted only
   */
  private boolean collect(IommuSession from, int rounds, int most) {
    FaultBatch first = from.drainFaults();
    FaultBatch batch = first;
    for (int round = 1; ; round++) {
      long now = nanoTime.getAsLong();
      for (DmaFault fault : batch.faults()) {
        take(from, fault, now, most);
      }
      if (!batch.overflowed()) {
        break;
      }
      overflows++;
      if (overflowLines.allows(now)) {
        LOG.warn("the I/O MMU lost DMA faults: more came than it can record");
      }
      if (batch.faults().isEmpty() || round == rounds) {
        break;
      }
      batch = from.drainFaults();
    }
    if (first.complete()) {
      unsettled.clear();
    }
    return first.complete();
  }

  private void take(IommuSession from, DmaFault fault, long now, int most) {
    Rid rid = fault.rid();
    Optional<Rid> device = owners.deviceOf(rid).or(() -> from.deviceOf(rid));
    FaultCounters.Count count = counters.of(device);
    boolean told = count.fault(now);
    boolean room =
        count.waiting < most && (most == Integer.MAX_VALUE || waiting.size() < WAITING_MOST);
    if (!told || !room) {
      count.suppress();
    }
    boolean unsure = moving.contains(rid) || unsettled.contains(rid);
    Domain domain = unsure ? null : from.placeOf(rid);
    if (!room && domain == null) {
      return;
    }
    long untold = told && room ? count.takeUntold() : 0;
    OwnedFault report =
        domain == null
            ? FaultReport.nobodys(fault, device, unsure, untold)
            : FaultReport.of(fault, device, domain, place(from, domain), now, untold);
    if (room) {
      count.waiting++;
      waiting.add(new Report(report, told, count));
    }
    if (domain != null) {
      charge(domain, report, now);
    }
  }

  private FaultReport.Place place(IommuSession from, Domain domain) {
    VmPlace place = owners.place(domain);
    if (place != null) {
      return new FaultReport.Place(FaultOwner.vm(place.vmName()), place.history());
    }
    return new FaultReport.Place(
        from.isHost(domain)
            ? FaultOwner.HOST
            : from.isBlocked(domain) ? FaultOwner.PARKED : FaultOwner.UNKNOWN,
        null);
  }

  private void charge(Domain domain, OwnedFault report, long now) {
    for (Admission admission : owners.in(domain, report.fault().rid())) {
      if (admission.looks.allows(now)) {
        suspects.add(admission);
      }
      if (!admission.storm.allows(now)) {
        admission.storm.refill();
        admission.last = report;
        due.add(admission);
      }
    }
  }

  /** Without the lock: a device is stopped under its VM's. One that is busy has its turn later. */
  private void stopThoseDue() {
    List<Admission> now;
    synchronized (lock) {
      if (due.isEmpty()) {
        return;
      }
      now = List.copyOf(due);
      due.clear();
    }
    for (Admission admission : now) {
      OwnedFault last = Objects.requireNonNull(admission.last);
      AtomicReference<@Nullable DmaStopped> event = new AtomicReference<>();
      if (!admission.vm.ifFree(() -> event.set(stop(admission, last)))) {
        synchronized (lock) {
          if (!admission.over()) {
            due.add(admission);
          }
        }
      }
      DmaStopped stopped = event.get();
      if (stopped != null) {
        LOG.error("{}", stopped);
        admission.vm.tell(stopped);
      }
    }
  }

  /** With the VM's lock held, so that the device cannot come or go; null if it went. */
  private @Nullable DmaStopped stop(Admission admission, OwnedFault last) {
    if (admission.over()) {
      return null;
    }
    PassthroughDevice device = admission.device;
    Failures failures = new Failures();
    boolean obeyed =
        !admission.cut
            && failures.attempt(
                "stopping DMA of " + admission.rid, () -> device.stopDma(admission.vm));
    boolean blocked =
        !obeyed && failures.attempt("blocking " + admission.rid, () -> block.accept(admission.rid));
    if (obeyed || blocked) {
      admission.cut = true;
      synchronized (lock) {
        counters.of(Optional.of(admission.rid)).stopped();
        if (session != null) {
          collectAtMove(session); // what it did until now is not held against it again
        }
        admission.storm.refill();
        due.remove(admission);
      }
    }
    return new DmaStopped(device, admission.vm.name(), last, blocked, failures.first());
  }
}
