package dev.vmm.iommu.intel;

import dev.vmm.iommu.intel.unit.Unit;

/**
 * A domain on one unit.
 *
 * <p>The count is guarded by the I/O MMU's lock; the rest never changes.
 */
final class Attachment {
  final Unit unit;
  final int domainId;

  /** The requester ids of the unit that are in the domain. */
  int count;

  Attachment(Unit unit, int domainId) {
    this.unit = unit;
    this.domainId = domainId;
  }
}
