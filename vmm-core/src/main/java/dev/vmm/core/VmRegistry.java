package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import java.lang.ref.Cleaner;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The living VMs by name, and the reaper of those that their users dropped without closing.
 *
 * <p>Thread-safe. Its lock is never held while a VM is worked on.
 */
final class VmRegistry {
  private record Entry(VmState state, WeakReference<VmHandle> handle) {}

  private static final Logger LOG = LoggerFactory.getLogger(VmRegistry.class);

  private final Machine machine;
  private final LazyIommu iommu;
  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private @Nullable Cleaner cleaner;
  private boolean closed;

  VmRegistry(Machine machine, LazyIommu iommu) {
    this.machine = machine;
    this.iommu = iommu;
  }

  synchronized VirtualMachine create(String name) {
    if (name.isBlank()) {
      throw VmmException.invalid("cannot create a VM with the name \"%s\": give it a name", name);
    }
    if (closed) {
      throw new VmmException(
          Errno.ENXIO, "cannot create VM " + name + ": the platform is closed; open it again");
    }
    if (entries.containsKey(name)) {
      throw new VmmException(
          Errno.EBUSY, "a VM with the name " + name + " lives already; close it or choose another");
    }
    if (cleaner == null) {
      cleaner = Cleaner.create(task -> daemon(task));
    }
    VmState state = new VmState(name, machine, iommu, () -> forget(name));
    VmHandle handle = new VmHandle(state, cleaner, () -> reap(state));
    entries.put(name, new Entry(state, new WeakReference<>(handle)));
    return handle;
  }

  /** Returns the VMs whose users still hold them, oldest first. */
  synchronized List<VirtualMachine> all() {
    List<VirtualMachine> handles = new ArrayList<>();
    for (Entry entry : entries.values()) {
      VmHandle handle = entry.handle().get();
      if (handle != null) {
        handles.add(handle);
      }
    }
    return List.copyOf(handles);
  }

  /** Destroys all VMs, the youngest first; no new one can be created. */
  void close(Failures failures) {
    List<VmState> states = new ArrayList<>();
    synchronized (this) {
      closed = true;
      entries.values().forEach(entry -> states.add(entry.state()));
    }
    Collections.reverse(states);
    for (VmState state : states) {
      failures.attempt("destroying VM " + state.name(), state::close);
    }
  }

  private synchronized void forget(String name) {
    entries.remove(name);
  }

  private static void reap(VmState state) {
    if (state.destroyed()) {
      return;
    }
    LOG.warn("VM {} was dropped without close(): destroyed now", state.name());
    try {
      state.close();
    } catch (VmmException e) {
      LOG.error("destroying the dropped VM {} failed", state.name(), e);
    }
  }

  private static Thread daemon(Runnable task) {
    Thread thread = new Thread(task, "vmm-vm-reaper");
    thread.setDaemon(true);
    return thread;
  }
}
