package dev.vmm.iommu.support;

import dev.vmm.pci.Rid;
import java.util.HashSet;
import java.util.Set;

/**
 * A domain on one unit.
 *
 * <p>The set is guarded by the I/O MMU's lock; the rest never changes.
 */
final class Attachment {
  final RemappingUnit unit;
  final int domainId;

  /** The requester ids of the unit that are in the domain. */
  final Set<Rid> rids = new HashSet<>();

  Attachment(RemappingUnit unit, int domainId) {
    this.unit = unit;
    this.domainId = domainId;
  }
}
