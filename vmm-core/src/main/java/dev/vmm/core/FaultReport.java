package dev.vmm.core;

import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultKind;
import dev.vmm.iommu.WalkStep;
import dev.vmm.pci.Rid;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Makes the report of a fault, with what its domain tells. Stateless and thread-safe. */
final class FaultReport {
  private static final Logger LOG = LoggerFactory.getLogger(FaultReport.class);

  /** Whose a domain is, and what was lately unmapped there; null where no VM's memory is. */
  record Place(FaultOwner owner, @Nullable UnmapHistory history) {}

  private FaultReport() {}

  /**
   * Returns the report of a fault of which it is not known where its device was.
   *
   * @param moving whether it was being moved; else it was nowhere
   */
  static OwnedFault nobodys(DmaFault fault, Optional<Rid> device, boolean moving, long untold) {
    return new OwnedFault(
        fault,
        device,
        FaultOwner.UNKNOWN,
        moving ? "unknown" : "none",
        Optional.empty(),
        Optional.empty(),
        untold);
  }

  /** Returns the report of a fault in {@code domain}. */
  static OwnedFault of(
      DmaFault fault, Optional<Rid> device, Domain domain, Place place, long now, long untold) {
    boolean walked = fault.kind() == FaultKind.DMA;
    Optional<WalkStep> where = walked ? whereItFails(domain, fault) : Optional.empty();
    UnmapHistory history = place.history();
    Optional<Duration> ago =
        history == null || !walked
            ? Optional.empty()
            : history
                .ago(fault.iova(), now)
                .filter(any -> unmappedStill(domain, fault.iova(), where));
    return new OwnedFault(fault, device, place.owner(), domain.name(), where, ago, untold);
  }

  private static Optional<WalkStep> whereItFails(Domain domain, DmaFault fault) {
    try {
      return domain.whereItFails(fault.iova(), fault.access());
    } catch (RuntimeException | LinkageError | AssertionError e) {
      LOG.debug("domain {} does not tell where a walk ends", domain.name(), e);
      return Optional.empty();
    }
  }

  /** What was unmapped may have been mapped again since. */
  private static boolean unmappedStill(Domain domain, long iova, Optional<WalkStep> where) {
    if (where.isPresent()) {
      return where.get().why() == WalkStep.Why.NOT_PRESENT;
    }
    try {
      return domain.translate(iova).isEmpty();
    } catch (RuntimeException | LinkageError | AssertionError e) {
      LOG.debug("domain {} does not tell what is mapped", domain.name(), e);
      return false;
    }
  }
}
