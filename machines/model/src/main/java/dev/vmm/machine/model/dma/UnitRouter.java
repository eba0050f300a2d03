package dev.vmm.machine.model.dma;

import dev.vmm.pci.Rid;
import java.util.Optional;

/** Knows which unit is responsible for which requester id. Thread-safe. */
@FunctionalInterface
public interface UnitRouter {
  /** Returns the unit whose scope the requester id is in; empty if none translates for it. */
  Optional<RemappingUnit> unitOf(Rid rid);
}
