package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.machine.HotPlug;
import dev.vmm.pci.PatientPci;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.IsolationGroup;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentSkipListMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The driver: which devices there are, and in which order locks are taken to change one. */
final class DefaultPptDriver implements PptDriver {
  private static final Logger LOG = LoggerFactory.getLogger(DefaultPptDriver.class);

  private final Vmm vmm;
  private final Waiter waiter;
  private final PciBus pci;
  private final BarSizer sizer;
  private final ConcurrentSkipListMap<Rid, DefaultPptDevice> devices =
      new ConcurrentSkipListMap<>();
  private final GroupRule groups;
  private final Slots slots = new Slots(devices);
  private volatile boolean closed;

  private DefaultPptDriver(Vmm vmm, Waiter waiter) {
    this.vmm = vmm;
    this.waiter = waiter;
    pci = new PatientPci(vmm.machine().pci());
    sizer = new BarSizer(pci);
    groups = new GroupRule(vmm, this::held, this::broken);
  }

  /** Tells devices that they were pulled out. */
  private record Slots(Map<Rid, DefaultPptDevice> devices) implements HotPlug.Listener {
    @Override
    public void plugged(Collection<Rid> functions) {
      // The host's, until somebody attaches them.
    }

    @Override
    public void unplugged(Collection<Rid> functions) {
      for (Rid rid : functions) {
        DefaultPptDevice device = devices.get(rid);
        if (device != null) {
          device.life().pulledOut();
        }
      }
    }
  }

  /** Says whether a function is a ppt device, one that is being attached or detached included. */
  private boolean held(Rid rid) {
    DefaultPptDevice device = devices.get(rid);
    return device != null && device.state() != PptState.HOST;
  }

  /** Says whether a ppt device could not be quiesced. One that was pulled out is quiet. */
  private boolean broken(Rid rid) {
    DefaultPptDevice device = devices.get(rid);
    return device != null && device.state() == PptState.BROKEN && !device.gone();
  }

  static PptDriver open(Vmm vmm, Waiter waiter) {
    List<Rid> wanted = CoreTunables.devices(vmm.tunables(), CoreTunables.PPTDEVS);
    DefaultPptDriver driver = new DefaultPptDriver(vmm, waiter);
    vmm.machine().hotPlug().ifPresent(hotPlug -> hotPlug.listen(driver.slots));
    for (Rid rid : wanted) {
      try {
        driver.attach(rid);
      } catch (VmmException e) {
        LOG.warn("{} of pptdevs is not a ppt device: {}", rid, e.getMessage());
      }
    }
    return driver;
  }

  @Override
  public PptDevice attach(Rid rid) {
    requireOpen();
    Optional<Obstacle> absence = vmm.iommu().absence();
    if (absence.isPresent()) {
      throw new VmmException(
          absence.get().errno(), absence.get().text() + "; " + rid + " is not attached");
    }
    while (true) {
      requireNotAttached(rid);
      PciFunction function =
          pci.functions().stream()
              .filter(each -> each.rid().equals(rid))
              .findFirst()
              .orElseThrow(() -> DeviceObstacles.absent().refusal("cannot attach " + rid));
      refuse(DeviceObstacles.unfit(function), function);
      refuse(vmm.iommu().reservation(function, List.of(rid)), function);
      DefaultPptDevice device =
          new DefaultPptDevice(
              this, new DeviceLife(vmm, pci, function, sizer, waiter, devices::keySet));
      // Locked before others can see it: they wait until it is attached or forgotten.
      device.life().lock();
      try {
        if (devices.putIfAbsent(rid, device) == null) {
          attachOrForget(device);
          return device;
        }
      } finally {
        device.life().unlock();
      }
    }
  }

  private static void refuse(Optional<Obstacle> obstacle, PciFunction function) {
    if (obstacle.isPresent() && obstacle.get().blocks()) {
      throw obstacle.get().refusal("cannot attach " + function);
    }
  }

  @Override
  public Verdict verdict(Rid rid, VmNeed need) {
    Optional<Obstacle> state =
        Optional.ofNullable(devices.get(rid)).flatMap(device -> device.life().obstacle());
    return new DevicePolicy(vmm, this::held, groups).judge(rid, need, state);
  }

  private void attachOrForget(DefaultPptDevice device) {
    try {
      requireOpen();
      device.life().attach();
    } catch (RuntimeException | Error e) {
      if (device.state() == PptState.HOST) {
        devices.remove(device.rid(), device);
      }
      throw e;
    }
  }

  private void requireNotAttached(Rid rid) {
    DefaultPptDevice present = settled(rid);
    if (present != null) {
      throw new VmmException(
          Errno.EBUSY,
          "cannot attach "
              + rid
              + ": it is attached already and "
              + present.state()
              + "; use it, or detach it first");
    }
  }

  /** Returns the device once no attach or detach of it is under way. */
  private @Nullable DefaultPptDevice settled(Rid rid) {
    DefaultPptDevice device = devices.get(rid);
    if (device == null) {
      return null;
    }
    device.life().lock();
    try {
      return device.state() == PptState.HOST ? null : device;
    } finally {
      device.life().unlock();
    }
  }

  private DefaultPptDevice require(Rid rid) {
    DefaultPptDevice device = settled(rid);
    if (device == null) {
      throw DeviceObstacles.notAttached().refusal(rid.toString());
    }
    return device;
  }

  @Override
  public void detach(Rid rid) {
    detach(require(rid));
  }

  private void detach(DefaultPptDevice device) {
    device.life().lock();
    try {
      groups.depart(device.rid());
      try {
        device.life().detach();
        devices.remove(device.rid(), device);
      } finally {
        groups.departed(device.rid());
      }
    } finally {
      device.life().unlock();
    }
  }

  @Override
  public List<PptDevice> devices() {
    return devices.values().stream()
        .filter(device -> device.state() != PptState.HOST)
        .<PptDevice>map(device -> device)
        .toList();
  }

  @Override
  public IsolationGroup group(Rid rid) {
    return groups.of(rid);
  }

  @Override
  public Optional<PptDevice> device(Rid rid) {
    return Optional.<PptDevice>ofNullable(devices.get(rid))
        .filter(device -> device.state() != PptState.HOST);
  }

  @Override
  public PptDevice assign(Rid rid, VirtualMachine vm) {
    requireOpen();
    DefaultPptDevice device = require(rid);
    // Before the I/O MMU is started for nothing; looked at again under the locks.
    device.life().requireParked();
    // In this order: a VM is destroyed before it is no longer listed.
    if (!vmm.vms().contains(vm) && !vm.destroyed()) {
      throw VmmException.invalid(
          "cannot assign %s to VM %s: it is a VM of another platform; create one with the Vmm that"
              + " this driver was opened for",
          device.function(), vm.name());
    }
    if (vmm.iommu().state() != IommuState.ON) {
      groups.check(device.function(), vm); // before it is started for nothing
    }
    vm.admit(
        device,
        domain -> {
          requireOpen();
          groups.enter(device.function(), vm.unowned());
          try {
            device.life().assign(vm.unowned(), domain);
          } catch (RuntimeException | Error e) {
            groups.leave(rid);
            throw e;
          }
        });
    return device;
  }

  @Override
  public void unassign(Rid rid, VirtualMachine vm) {
    unassign(require(rid), vm);
  }

  void unassign(DefaultPptDevice device, VirtualMachine vm) {
    if (device.life().owner().filter(vm::equals).isEmpty()) {
      throw device.life().notOwnedBy(vm);
    }
    boolean[] ran = new boolean[1];
    try {
      vm.dismiss(
          device,
          () -> {
            ran[0] = true;
            try {
              device.life().unassign(vm);
            } finally {
              groups.leave(device.rid());
            }
          });
    } catch (VmmException e) {
      if (!ran[0] && e.errno() == Errno.ENOENT) {
        throw device.life().notOwnedBy(vm); // another thread was faster
      }
      throw e;
    }
  }

  @Override
  public void unassignAll(VirtualMachine vm) {
    unassignAll(vm, devices.values());
  }

  private void unassignAll(VirtualMachine vm, Collection<DefaultPptDevice> candidates) {
    RuntimeException first = null;
    for (DefaultPptDevice device : candidates) {
      if (device.life().owner().filter(vm::equals).isPresent()) {
        first = keepFirst(first, () -> unassign(device, vm));
      }
    }
    if (first != null) {
      throw first;
    }
  }

  @Override
  public void close() {
    closed = true;
    RuntimeException first = null;
    for (DefaultPptDevice device : devices.values()) {
      first =
          keepFirst(
              first,
              () -> {
                VirtualMachine owner = settledOwner(device);
                if (owner != null) {
                  unassign(device, owner);
                }
              });
    }
    // None goes to the host while a VM has another of its group.
    for (DefaultPptDevice device : devices.values()) {
      if (device.state() != PptState.HOST) {
        first = keepFirst(first, () -> detach(device));
      }
    }
    if (first != null) {
      throw first;
    }
    vmm.machine().hotPlug().ifPresent(hotPlug -> hotPlug.unlisten(slots));
  }

  /** Returns the owner after any assign that was under way; the next one sees the driver closed. */
  private static @Nullable VirtualMachine settledOwner(DefaultPptDevice device) {
    device.life().lock();
    try {
      return device.life().owner().orElse(null);
    } finally {
      device.life().unlock();
    }
  }

  private static @Nullable RuntimeException keepFirst(
      @Nullable RuntimeException first, Runnable step) {
    try {
      step.run();
      return first;
    } catch (RuntimeException e) {
      if (first == null) {
        return e;
      }
      if (first != e) {
        first.addSuppressed(e);
      }
      return first;
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new VmmException(Errno.ENXIO, "the ppt driver is closed; open it again");
    }
  }
}
