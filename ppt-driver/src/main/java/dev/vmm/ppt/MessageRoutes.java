package dev.vmm.ppt;

import dev.vmm.core.IommuService;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The way of a function's messages to the host's processors: through entries that are its own where
 * the I/O MMU remaps interrupts, else as they are. Guarded by the device's lock.
 */
final class MessageRoutes {
  private final IommuService iommu;

  /** Whose requester id the messages carry when they reach the I/O MMU. */
  private final Supplier<Rid> source;

  /** What was reserved and is not given back yet. */
  private final List<InterruptEntries> reserved = new ArrayList<>();

  /**
   * A way for messages next to each other.
   *
   * @param first what the function is to write for the first of them
   */
  record Route(MsiMessage first, @Nullable InterruptEntries entries) {}

  MessageRoutes(IommuService iommu, Supplier<Rid> source) {
    this.iommu = iommu;
    this.source = source;
  }

  /**
   * Makes a way for messages whose data is one more for each next one. After a failure nothing is
   * reserved that can be given back.
   *
   * @param first what is to reach the host's processors; where interrupts are remapped its address
   *     must be 0xfeexxxxx (EINVAL)
   */
  Route open(MsiMessage first, int count) {
    Optional<InterruptEntries> remapped = iommu.reserveInterrupts(source.get(), count);
    if (remapped.isEmpty()) {
      return new Route(first, null);
    }
    InterruptEntries entries = remapped.get();
    reserved.add(entries);
    try {
      for (int i = 0; i < count; i++) {
        entries.route(i, InterruptTarget.of(new MsiMessage(first.address(), first.data() + i)));
      }
      return new Route(entries.message(0), entries);
    } catch (RuntimeException e) {
      try {
        close(entries);
      } catch (RuntimeException second) {
        e.addSuppressed(second);
      }
      throw e;
    }
  }

  /** Has a way of one message lead elsewhere; returns what the function is to write now. */
  Route change(Route route, MsiMessage message) {
    InterruptEntries entries = route.entries();
    if (entries == null) {
      return new Route(message, null);
    }
    entries.route(0, InterruptTarget.of(message));
    return route;
  }

  /** Ends a way that the function uses no more. */
  void close(Route route) {
    InterruptEntries entries = route.entries();
    if (entries != null) {
      close(entries);
    }
  }

  private void close(InterruptEntries entries) {
    entries.close();
    reserved.remove(entries);
  }

  /**
   * Ends all of them, also those whose end failed before; tries all, fails with the first error.
   */
  void closeAll() {
    RuntimeException first = null;
    for (InterruptEntries entries : List.copyOf(reserved)) {
      try {
        close(entries);
      } catch (RuntimeException e) {
        if (first == null) {
          first = e;
        } else {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }
}
