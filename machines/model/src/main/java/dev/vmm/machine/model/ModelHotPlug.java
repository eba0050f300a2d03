package dev.vmm.machine.model;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.HotPlug;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import dev.vmm.machine.model.pci.ModelPci;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The slots of the embedded machine: any free place of a bus is one.
 *
 * <p>Thread-safe. One lock keeps the changes in the order in which they are told; the lock of the
 * {@link ModelPci} is not held while somebody is told.
 */
final class ModelHotPlug implements HotPlug {
  private static final Logger LOG = LoggerFactory.getLogger(ModelHotPlug.class);

  /** Host bridge, ISA bridge, I/O MMU: what belongs to the machine. */
  private static final Set<Integer> SOLDERED = Set.of(0x0600, 0x0601, 0x0806);

  private final ModelPci pci;
  private final Map<String, Supplier<FunctionSpec>> kinds;
  private final BooleanSupplier closed;
  private final ReentrantLock lock = new ReentrantLock();
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /**
   * Makes the slots.
   *
   * @param kinds what can be plugged in, by name, in the order in which it is told
   * @param closed whether the machine was given up
   */
  ModelHotPlug(ModelPci pci, Map<String, Supplier<FunctionSpec>> kinds, BooleanSupplier closed) {
    this.pci = pci;
    this.kinds = kinds;
    this.closed = closed;
  }

  @Override
  public List<String> kinds() {
    return List.copyOf(kinds.keySet());
  }

  @Override
  public void plug(String kind, Rid at) {
    Supplier<FunctionSpec> spec = kinds.get(kind);
    if (spec == null) {
      throw VmmException.invalid(
          "cannot plug \"%s\" in at %s: expected one of %s", kind, at, String.join(", ", kinds()));
    }
    lock.lock();
    try {
      requireOpen("plug " + kind + " in at " + at);
      ModelFunction function = pci.hotAdd(at, spec.get());
      pci.giveAddresses(function);
      tell(List.of(at), listener -> listener.plugged(List.of(at)));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public List<Rid> unplug(Rid at) {
    lock.lock();
    try {
      requireOpen("unplug " + at);
      List<ModelFunction> leaving = pci.whatLeavesWith(at);
      int classCode = leaving.get(0).classCode() >>> 8;
      if (SOLDERED.contains(classCode)) {
        throw VmmException.invalid(
            "cannot unplug %s: it is soldered to the machine (class %04x); unplug another function",
            at, classCode);
      }
      List<Rid> gone = leaving.stream().map(ModelFunction::rid).sorted().toList();
      pci.hotRemove(at);
      tell(gone, listener -> listener.unplugged(gone));
      return gone;
    } finally {
      lock.unlock();
    }
  }

  private void requireOpen(String what) {
    if (closed.getAsBoolean()) {
      throw new VmmException(Errno.EIO, "cannot " + what + ": the machine was closed");
    }
  }

  private void tell(Collection<Rid> functions, Consumer<Listener> call) {
    for (Listener listener : listeners) {
      try {
        call.accept(listener);
      } catch (RuntimeException | LinkageError | AssertionError e) {
        LOG.error("somebody who was told that {} came or went failed", functions, e);
      }
    }
  }

  @Override
  public void listen(Listener listener) {
    listeners.add(listener);
  }

  @Override
  public void unlisten(Listener listener) {
    listeners.remove(listener);
  }
}
