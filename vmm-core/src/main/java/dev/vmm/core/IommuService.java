package dev.vmm.core;

import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
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

  /**
   * Returns what keeps the I/O MMU from being used, as {@link #present} tells it: empty if an
   * attach may be tried.
   */
  Optional<Obstacle> absence();

  /**
   * Returns the obstacle of a function for which firmware reserves memory, a warning if the
   * function is relaxed. Reads firmware's tables and bridges' bus numbers; touches no register.
   *
   * @param ids every requester id that the function's DMA can carry
   * @return empty if there is none, or the back end cannot say before it is started
   */
  Optional<Obstacle> reservation(PciFunction function, Collection<Rid> ids);

  /**
   * Returns everything that the I/O MMU and firmware have against a function's assignment, not only
   * the first. Starts nothing and writes nothing; if the I/O MMU is not on, units' capability
   * registers are read where that can be done.
   *
   * @param ids every requester id that the function's DMA can carry
   */
  List<Obstacle> obstacles(PciFunction function, Collection<Rid> ids, VmNeed need);

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
   * Returns what the shape of the buses says of isolation: of the last look, by an assign or {@link
   * #rescan}, while the I/O MMU is on; else this looks, at config space only. Firmware's aliases
   * are in it once a back end is chosen, which this does like {@link #present}.
   */
  PciTopology topology();

  /**
   * Records that a driver for pass-through holds these functions: their home is the blocked domain
   * from now on (the host domain if {@code hw.vmm.ppt.home=host}), and if the I/O MMU is on they
   * are moved there. Starts nothing.
   *
   * <p>Here and below functions are named by their own requester id. All other requester ids that
   * they can send, by {@link #topology()}, go with them, all or none. One that several functions
   * can send has the host domain for its home until all of them are claimed; then the blocked
   * domain; and follows the first of them into a VM's domain, until the last has left. If a
   * function appears that can send a requester id of a VM's device, that id is blocked, and so of
   * no use to the VM, until the function is claimed or gone: its DMA shall not reach the VM.
   *
   * <p>A claim has one holder: it is what keeps two drivers from programming one device, and so
   * comes before a driver's first write to it.
   *
   * @throws dev.vmm.VmmException EBUSY if one of them is claimed already, or from {@link
   *     dev.vmm.iommu.Iommu#move}; nothing is changed then
   */
  void claim(Collection<Rid> functions);

  /**
   * Tells how long the BARs of a claimed function are. Of a VF that is so for every VF of its PF,
   * and lets the platform find the MSI-X table of one that the host uses: of that nobody could ask.
   * Forgotten when the claim ends.
   */
  void sized(PciFunction function, List<Bar> bars);

  /**
   * Ends a claim: home is the host domain again, and if the I/O MMU is on they are moved there. The
   * caller has quiesced the device: {@link #block} ends with this call even if it fails.
   *
   * @throws dev.vmm.VmmException EBUSY, naming it, if a VM has a device that can send one of the
   *     same requester ids; or from {@link dev.vmm.iommu.Iommu#move}; the claim stands then
   */
  void unclaim(Collection<Rid> functions);

  /**
   * Moves functions into a VM's domain.
   *
   * @throws dev.vmm.VmmException ENXIO if the I/O MMU is not on; EPERM if another function that can
   *     send one of the same requester ids is not claimed; EBUSY if one is in another VM's domain,
   *     or blocked because it could not be quiesced; else as {@link dev.vmm.iommu.Iommu#move}.
   *     Nothing is changed then
   */
  void move(Collection<Rid> functions, Domain domain);

  /**
   * Moves functions from a VM's domain to their home: the blocked domain while claimed, else the
   * host domain. A requester id that another of the VM's devices can send stays.
   *
   * @throws dev.vmm.VmmException as {@link #move}
   */
  void release(Collection<Rid> functions);

  /**
   * Moves functions to the blocked domain, whatever their home: for a device that cannot be
   * quiesced. What others can send, too, is blocked for those as well. Stays so until a later
   * {@link #release} or {@link #unclaim}, and the I/O MMU stays on until then.
   *
   * @param why what is wrong with them, for who cannot close the platform because of it: {@code it
   *     could not be reset: ...}
   */
  void block(Collection<Rid> functions, String why);

  /**
   * Reserves entries for the messages of a function, as {@link
   * dev.vmm.iommu.InterruptRemapping#allocate} does.
   *
   * @return empty if the I/O MMU is off or remaps no interrupts: messages pass as they are then
   */
  Optional<InterruptEntries> reserveInterrupts(Rid source, int count);

  /**
   * Leads messages of a function that the host keeps to its processors, for a driver that is about
   * to turn MSI or MSI-X on. Where the I/O MMU remaps interrupts and cannot tell senders apart
   * (VT-d), what the function would write by itself is blocked; it gets entries of its own. Else
   * the messages are to be written as they are.
   *
   * <p>Nobody must ask: what is on when the I/O MMU starts, and at each {@link #rescan}, is led on
   * by itself, and what the registers hold is put into the format of the day at the start and at
   * the close. A driver that asks loses no interrupt until then.
   *
   * @param first what is to reach the processors, in the format without remapping
   * @param count how many messages, a power of two up to 32; the data of each next one is one more
   * @throws dev.vmm.VmmException EINVAL if {@code count}, or the data for it, is out of range;
   *     ENOTSUP if the message is in no known format; EBUSY if the function is not the host's; else
   *     as {@link dev.vmm.iommu.InterruptRemapping#allocate}
   */
  HostMessages hostMessages(Rid function, MsiMessage first, int count);

  /**
   * Looks for functions that appeared or vanished, and puts new ones into their home. Where the I/O
   * MMU cannot tell who signals, it also leads on the messages of the host's functions that were
   * turned on since. Does nothing while the I/O MMU is off. An assign does it by itself.
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
   * bus mastering; one that does not take that, or makes as many more all the same, is {@linkplain
   * #block blocked}. Its VM's {@linkplain VirtualMachine#onDmaStopped listeners} are told. Where a
   * fault of an assigned device came, who is there now is looked at, once a second at most: another
   * function than the VM was given, of which no machine told, loses its place in the VM.
   *
   * <p>May be called at any time and by several threads: each fault comes to one of them. It never
   * waits for a VM or a device, but for a unit that takes a device to be blocked. While the I/O MMU
   * is off there is nothing to take.
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
   * wants to know whether a device that should be silent is. Faults that a unit lost are not among
   * them.
   *
   * @param device its own requester id
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT if a unit could not be asked: nobody knows then
   */
  long faultsOf(Rid device);

  /** A listener that was added. */
  interface Listening extends AutoCloseable {
    /** Removes the listener. Does nothing the second time. */
    @Override
    void close();
  }
}
