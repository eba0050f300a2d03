package dev.vmm.core;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells listeners of DMA faults and whose they are. Thread-safe; holds no lock. */
final class FaultDesk {
  /** Has its own identity: a listener that was added twice is removed once for each close. */
  private static final class Registration {
    final Consumer<OwnedFault> listener;

    Registration(Consumer<OwnedFault> listener) {
      this.listener = listener;
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(FaultDesk.class);

  private final List<Registration> registrations = new CopyOnWriteArrayList<>();

  IommuService.Listening listen(Consumer<OwnedFault> listener) {
    Registration registration = new Registration(listener);
    registrations.add(registration);
    return () -> registrations.remove(registration);
  }

  /** Takes the faults from the units, tells everybody, and returns them. */
  List<OwnedFault> drain(IommuSession session) {
    FaultBatch batch = session.drainFaults();
    if (batch.overflowed()) {
      LOG.warn("the I/O MMU lost DMA faults: more came than it can record");
    }
    List<OwnedFault> owned = new ArrayList<>();
    for (DmaFault fault : batch.faults()) {
      String domain = session.domainOf(fault.rid()).map(Domain::name).orElse("none");
      owned.add(new OwnedFault(fault, domain));
    }
    for (OwnedFault fault : owned) {
      for (Registration registration : registrations) {
        tell(registration.listener, fault);
      }
    }
    return List.copyOf(owned);
  }

  private static void tell(Consumer<OwnedFault> listener, OwnedFault fault) {
    try {
      listener.accept(fault);
    } catch (RuntimeException | LinkageError | AssertionError e) {
      LOG.error("a listener failed on {}", fault, e);
    }
  }
}
