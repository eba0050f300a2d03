package dev.vmm.ppt;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuService;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciBus;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What attach, assign, unassign and detach do to one device, step by step, and back when a step
 * fails.
 *
 * <p>Its lock comes after the VM's and before the I/O MMU's. The four changes take it themselves.
 */
final class DeviceLife {
  private static final Logger LOG = LoggerFactory.getLogger(DeviceLife.class);

  private final Vmm vmm;
  private final PciFunction function;
  private final BarSizer sizer;
  private final FunctionControl control;
  private final FunctionReset reset;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile PptState state = PptState.HOST;
  private volatile @Nullable Assignment assignment;
  private final InterruptControl interrupts;
  private volatile List<Bar> bars = List.of();
  private final Quiescence quiescence;
  private int hostCommand;

  /** The device made too many faults: its DMA is to be stopped, whatever comes of that. */
  private volatile boolean stopOrdered;

  private volatile boolean busMasteringCut;

  /** The function was pulled out: what answers at its place, if anything, is another one. */
  private volatile boolean gone;

  /**
   * Begins a device's life in the host.
   *
   * @param attached the functions that the driver has: what resets their bus resets them
   */
  DeviceLife(
      Vmm vmm,
      PciBus pci,
      PciFunction function,
      BarSizer sizer,
      Waiter waiter,
      Supplier<Collection<Rid>> attached) {
    this.vmm = vmm;
    this.function = function;
    this.sizer = sizer;
    control = new FunctionControl(pci, function);
    reset = new FunctionReset(pci, function, control, waiter, attached);
    interrupts =
        new InterruptControl(
            vmm.machine(),
            function,
            control,
            this::bars,
            new MessageRoutes(
                vmm.iommu(), () -> vmm.iommu().topology().messageSource(function.rid())));
    quiescence = new Quiescence(vmm.iommu(), function, control, reset, interrupts);
  }

  /** Returns every requester id that the function can send: the I/O MMU moves them together. */
  Collection<Rid> rids() {
    return iommu().topology().requesterIds(function.rid()).all();
  }

  /** Returns the function as the I/O MMU's keeper knows it, which adds its other requester ids. */
  private List<Rid> self() {
    return List.of(function.rid());
  }

  private IommuService iommu() {
    return vmm.iommu();
  }

  void lock() {
    lock.lock();
  }

  void unlock() {
    lock.unlock();
  }

  Machine machine() {
    return vmm.machine();
  }

  PciFunction function() {
    return function;
  }

  FunctionControl control() {
    return control;
  }

  InterruptControl interrupts() {
    return interrupts;
  }

  List<Bar> bars() {
    return bars;
  }

  PptState state() {
    return state;
  }

  @Nullable Assignment assignment() {
    return assignment;
  }

  boolean dmaStopped() {
    return stopOrdered && (busMasteringCut || dmaBlocked());
  }

  /** Says whether its requests reach nothing, though a VM has it. Takes no lock. */
  boolean dmaBlocked() {
    Assignment present = assignment;
    return present != null
        && !iommu().domainNameOf(function.rid()).equals(Optional.of(present.domainName()));
  }

  /** Says in words what became of the DMA of a device that made too many faults; else empty. */
  String stopText() {
    if (!stopOrdered) {
      return "";
    }
    if (dmaBlocked()) {
      return "blocked after too many faults";
    }
    return busMasteringCut ? "bus mastering cut" : "its DMA could not be stopped";
  }

  boolean gone() {
    return gone;
  }

  /**
   * The machine tells that the function was pulled out. Its guest must not reach the registers of
   * what comes to its place; all else is for unassign and detach.
   */
  void pulledOut() {
    lock.lock();
    try {
      if (state != PptState.HOST) {
        gone = true;
        Assignment present = assignment;
        if (present != null) {
          present.windows().values().forEach(MmioWindow::revoke);
        }
        LOG.warn("{} was pulled out while it was {}; unassign and detach it", function, state);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Says whether the function was pulled out: the machine told, or another one answers. */
  private boolean isGone() {
    if (!gone && control.replaced()) {
      LOG.warn(
          "{} was pulled out: ids 0x{} are at its place",
          function,
          Integer.toHexString(control.identity()));
      gone = true;
    }
    return gone;
  }

  /** Cuts bus mastering of a device that {@code owner} has; nothing turns it on before assign. */
  void stopDma(VirtualMachine owner) {
    lock.lock();
    try {
      Assignment present = assignment;
      if (present != null && present.vm().equals(owner)) {
        stopOrdered = true;
        if (!gone) {
          control.clearCommand(PciCommand.BUS_MASTER);
          busMasteringCut = true;
        }
      }
    } finally {
      lock.unlock();
    }
  }

  Optional<VirtualMachine> owner() {
    return Optional.ofNullable(assignment).map(Assignment::vm);
  }

  Assignment requireAssigned() {
    Assignment present = assignment;
    if (present == null) {
      throw notAssigned();
    }
    return present;
  }

  /** As {@link #requireAssigned}, for who wants to program the device. */
  Assignment requireUsable() {
    Assignment present = requireAssigned();
    if (gone) {
      throw pulledOutRefusal();
    }
    return present;
  }

  VmmException pulledOutRefusal() {
    return DeviceObstacles.gone().refusal(function.toString());
  }

  VmmException notAssigned() {
    return new VmmException(
        Errno.EBUSY, function + " is " + state + ", owned by no VM; assign it to one first");
  }

  /** HOST to PARKED. The caller holds the lock, from before others can see the device. */
  void attach() {
    control.requireAnswer();
    control.requireNoVirtualFunctions();
    hostCommand = control.command();
    iommu().claim(self()); // first of all: until then the device may be another driver's
    try {
      control.setCommand(hostCommand & ~PciCommand.ACTIVE);
      reset.fellSilent();
      bars = sizer.size(function);
      iommu().sized(function, bars);
      reset.warnIfNone();
      state = state.to(PptState.PARKED);
    } catch (RuntimeException e) {
      sizer.forget(function.rid());
      undo(e, "giving its command register back", () -> control.setCommand(hostCommand));
      if (!undo(e, "giving it back to the host", () -> iommu().unclaim(self()))) {
        state = state.to(PptState.BROKEN);
      }
      throw e;
    }
    quiescence.parked();
  }

  /** PARKED to ASSIGNED, inside the VM's admit. */
  void assign(VirtualMachine vm, Domain domain) {
    lock.lock();
    try {
      requireParked();
      control.requireAnswer();
      control.requireNoVirtualFunctions();
      control.requireBars(bars);
      ConfigSnapshot saved = ConfigSnapshot.save(function);
      // Or what was saved is no more than what is read where nothing answers.
      control.requireAnswer();
      int parked = control.command() & ~PciCommand.ACTIVE;
      Assignment next = new Assignment(vm, domain.name(), saved, parked);
      boolean[] moving = new boolean[1];
      try {
        quiescence.prepare(saved, parked);
        quiescence.requireSilent();
        moving[0] = true;
        iommu().move(self(), domain);
        // Last of all: from here on the device may write to the guest's memory.
        control.setCommand(parked | control.activeBits(bars));
      } catch (RuntimeException e) {
        undoAssign(next, moving[0], e);
        throw e;
      }
      assignment = next;
      state = state.to(PptState.ASSIGNED);
    } finally {
      lock.unlock();
    }
  }

  void requireParked() {
    Optional<Obstacle> obstacle = obstacle();
    if (obstacle.isPresent()) {
      throw obstacle.get().refusal(function.toString());
    }
  }

  /** Returns what its state has against an assign; empty if it is parked. */
  Optional<Obstacle> obstacle() {
    if (gone) {
      return Optional.of(DeviceObstacles.gone());
    }
    return switch (state) {
      case PARKED -> Optional.empty();
      case HOST -> Optional.of(DeviceObstacles.notAttached());
      case ASSIGNED ->
          Optional.of(DeviceObstacles.owned(owner().map(VirtualMachine::name).orElse("?")));
      case BROKEN -> Optional.of(DeviceObstacles.broken());
    };
  }

  private void undoAssign(Assignment failed, boolean moved, RuntimeException failure) {
    boolean undone =
        undo(
            failure,
            "restoring its config space",
            () -> quiescence.putBack(failed.saved(), failed.parkedCommand()));
    if (undone && moved) {
      undone = undo(failure, "moving it home", () -> iommu().release(self()));
    }
    if (!undone) {
      breakDown(failed, failure);
    }
  }

  /** The device may do anything: to where it reaches nothing. */
  private void breakDown(Assignment last, RuntimeException failure) {
    quiescence.owe(last.saved(), last.parkedCommand());
    state = state.to(PptState.BROKEN);
    undo(failure, "blocking it", () -> block(failure));
    LOG.error("{} is broken: it is blocked until a detach can reset it", function, failure);
  }

  private void block(RuntimeException failure) {
    iommu().block(self(), "it could not be quiesced: " + failure.getMessage());
  }

  /** ASSIGNED to PARKED or BROKEN, inside the VM's dismiss; never stays in the VM's domain. */
  void unassign(VirtualMachine vm) {
    lock.lock();
    try {
      Assignment last = assignment;
      if (last == null || !last.vm().equals(vm)) {
        throw notOwnedBy(vm);
      }
      Steps steps = new Steps(function);
      last.windows().values().forEach(MmioWindow::revoke);
      steps.attempt("seeing whether it is there", this::isGone);
      if (!gone) {
        steps.attempt(
            "turning bus mastering off", () -> control.clearCommand(PciCommand.BUS_MASTER));
        reset.fellSilent();
        steps.attempt("tearing down MSI", interrupts::teardownMsi);
        steps.attempt("tearing down MSI-X", interrupts::teardownMsix);
      }
      last.windows()
          .forEach(
              (gpa, window) ->
                  steps.attempt("unmapping its registers", () -> window.endIn(last.vm(), gpa)));
      // What is gone sends nothing, and what is at its place is not the VM's.
      boolean quiesced =
          gone
              || steps.attempt(
                  "quiescing it", () -> quiescence.quiesce(last.saved(), last.parkedCommand()));
      interrupts.forget();
      // Whatever became of the rest: before it leaves, or is broken, none of its messages passes.
      boolean muted = steps.attempt("blocking its interrupts", interrupts::blockMessages);
      assignment = null;
      stopOrdered = false;
      busMasteringCut = false;
      boolean parked =
          quiesced && muted && steps.attempt("moving it home", () -> iommu().release(self()));
      if (parked) {
        quiescence.parked();
        state = state.to(PptState.PARKED);
      } else {
        breakDown(last, steps.failure());
      }
      steps.throwFirst(parked);
    } finally {
      lock.unlock();
    }
  }

  VmmException notOwnedBy(VirtualMachine vm) {
    return new VmmException(
        Errno.EBUSY,
        String.format(
            "cannot unassign %s from VM %s: it is owned by %s; name its owner",
            function, vm.name(), owner().map(owner -> "VM " + owner.name()).orElse("no VM")));
  }

  /** PARKED or BROKEN to HOST. */
  void detach() {
    lock.lock();
    try {
      switch (state) {
        case HOST ->
            throw new VmmException(
                Errno.ENOENT, function + " is not a ppt device: nothing to detach");
        case ASSIGNED ->
            throw new VmmException(
                Errno.EBUSY,
                function
                    + " cannot be detached: it is assigned to VM "
                    + owner().map(VirtualMachine::name).orElse("?")
                    + "; unassign it first");
        case BROKEN -> repair();
        case PARKED -> settleParked();
      }
      boolean there = !gone && control.answers();
      try {
        if (there) {
          control.setCommand(hostCommand);
        } else {
          LOG.warn(
              "{} {}; detached without its command register",
              function,
              gone ? "was pulled out" : "no longer answers");
        }
        iommu().unclaim(self());
      } catch (RuntimeException e) {
        if (there) {
          int parked = hostCommand & ~PciCommand.ACTIVE;
          undo(e, "clearing its command register", () -> control.setCommand(parked));
        }
        throw e;
      }
      sizer.forget(function.rid());
      state = state.to(PptState.HOST);
    } finally {
      lock.unlock();
    }
  }

  /**
   * Makes sure that a parked device does nothing any more that could reach the host's memory: it
   * stays parked, and blocked, otherwise.
   */
  private void settleParked() {
    if (isGone()) {
      return; // and what is gone sends nothing
    }
    try {
      quiescence.settle();
    } catch (RuntimeException e) {
      if (quiescence.owes()) {
        state = state.to(PptState.BROKEN);
        undo(e, "blocking it", () -> block(e));
      }
      throw e;
    }
  }

  /** BROKEN to PARKED, still blocked: the unclaim that follows moves it. */
  private void repair() {
    try {
      if (isGone()) {
        quiescence.letGo();
      } else {
        quiescence.repair();
      }
    } catch (RuntimeException e) {
      throw new VmmException(
          Errno.EIO,
          function
              + " is broken and stays blocked, attached to the ppt driver: "
              + e.getMessage()
              + "; detach it again once it can be reset",
          e);
    }
    state = state.to(PptState.PARKED);
  }

  private boolean undo(RuntimeException failure, String what, Runnable step) {
    return Steps.undo(function, failure, what, step);
  }
}
