package dev.vmm.core;

import dev.vmm.iommu.Domain;
import dev.vmm.pci.Rid;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * The lazy I/O MMU: found by {@link #present()}, started by the first assign, then keeper of where
 * every function is.
 *
 * <p>From start on every requester id of every function is in exactly one domain: the <i>host</i>
 * domain (1:1 over all RAM), the <i>blocked</i> domain (valid and empty; home of claimed devices),
 * or a VM's. Thread-safe.
 */
public interface IommuService {
  /**
   * Asks whether an I/O MMU can be used: looks at the tunable and at firmware tables, through the
   * back ends that are on the path. Touches no register. The first call loads the back ends, and
   * reports tunables that nobody declares.
   *
   * <p>Says nothing of a start that failed, see {@link #failure()}: what there is did not change,
   * and the next assign, of any device, tries again and is refused with the cause if that fails.
   */
  Presence present();

  /** Returns the present state. */
  IommuState state();

  /** Returns why the last start, or a close, failed, if the state is {@link IommuState#FAILED}. */
  Optional<dev.vmm.VmmException> failure();

  /**
   * Returns how long the start took, from the opening of the back end until every unit translated;
   * empty unless the state is {@link IommuState#ON}.
   */
  Optional<Duration> startTime();

  /** Returns lines about back ends that were found, selected, absent, or broken, for people. */
  List<String> status();

  /**
   * Records that a driver for pass-through holds these requester ids, the device's own first and
   * those that stand for it after it: their home is the blocked domain from now on (the host domain
   * if {@code hw.vmm.ppt.home=host}), and if the I/O MMU is on they are moved there. Starts
   * nothing.
   *
   * <p>A claim has one holder: it is what keeps two drivers from programming one device, and so
   * comes before a driver's first write to it.
   *
   * @throws dev.vmm.VmmException EBUSY if one of them is claimed already, or from {@link
   *     dev.vmm.iommu.Iommu#move}; nothing is changed then
   */
  void claim(Collection<Rid> rids);

  /**
   * Ends a claim: home is the host domain again, and if the I/O MMU is on they are moved there. The
   * caller has quiesced the device: {@link #block} ends with this call even if it fails.
   *
   * @throws dev.vmm.VmmException from {@link dev.vmm.iommu.Iommu#move}; the claim stands then
   */
  void unclaim(Collection<Rid> rids);

  /**
   * Moves requester ids into a VM's domain.
   *
   * @throws dev.vmm.VmmException ENXIO if the I/O MMU is not on; else as {@link
   *     dev.vmm.iommu.Iommu#move}
   */
  void move(Collection<Rid> rids, Domain domain);

  /**
   * Moves requester ids from a VM's domain to their home: the blocked domain while claimed, else
   * the host domain.
   *
   * @throws dev.vmm.VmmException as {@link #move}
   */
  void release(Collection<Rid> rids);

  /**
   * Moves requester ids to the blocked domain, whatever their home: for a device that cannot be
   * quiesced. Stays so until a later {@link #release} or {@link #unclaim}, and the I/O MMU stays on
   * until then.
   */
  void block(Collection<Rid> rids);

  /**
   * Looks for functions that appeared or vanished, and puts new ones into their home. Does nothing
   * while the I/O MMU is off. An assign does it by itself.
   */
  void rescan();

  /**
   * Returns the name of the domain that {@code rid} is in; empty while the I/O MMU is off or if no
   * unit covers it.
   */
  Optional<String> domainNameOf(Rid rid);

  /**
   * Takes the recorded faults from the units, tells every listener and the log, and returns them
   * all, those also that came up at moves since. Of one device no more than {@code
   * hw.vmm.iommu.fault_rate_limit} a second are told; the next that is says how many were not. An
   * assigned device with more than {@code hw.vmm.iommu.fault_threshold} faults in a minute loses
   * bus mastering, and its VM's {@linkplain VirtualMachine#onDmaStopped listeners} are told.
   *
   * <p>May be called at any time and by several threads: each fault comes to one of them. It never
   * waits for a VM or a device. While the I/O MMU is off there is nothing to take.
   *
   * @throws dev.vmm.VmmException EIO if a unit is gone and there is no fault to tell
   */
  List<OwnedFault> drainFaults();

  /**
   * Adds a listener that {@link #drainFaults} calls for each fault that is told, in the caller's
   * thread. Close the result to remove it. No lock is held meanwhile: a listener may call the
   * platform.
   */
  Listening onFault(Consumer<OwnedFault> listener);

  /**
   * Calls {@link #drainFaults} again and again in a daemon thread of its own, until the result is
   * closed or the platform is. Without it nobody takes the faults but who calls that.
   *
   * @param period the pause between two calls, 1 ms at least; units record few faults, a storm
   *     overflows them at once
   * @throws dev.vmm.VmmException EINVAL if the period is shorter
   */
  Listening watchFaults(Duration period);

  /** Returns what was counted of faults since the platform was opened. */
  FaultStatistics faultStatistics();

  /**
   * Returns how many faults a device has made since the platform was opened, those included that
   * units have recorded up to now, which the next {@link #drainFaults} tells. For a driver that
   * wants to know whether a device that should be silent is.
   *
   * @param device its own requester id
   */
  long faultsOf(Rid device);

  /** A listener that was added. */
  interface Listening extends AutoCloseable {
    /** Removes the listener. Does nothing the second time. */
    @Override
    void close();
  }
}
