package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.iommu.Access;

/**
 * A run of guest memory.
 *
 * @param gpa the first guest-physical address, a multiple of 4096
 * @param hpa the first host-physical address, a multiple of 4096
 * @param lengthBytes a positive multiple of 4096
 * @param access {@link Access#READ} for read-only memory, else {@link Access#READ_WRITE}; the same
 *     for guest and devices
 */
public record MemorySegment(long gpa, long hpa, long lengthBytes, Access access) {
  /** Returns the guest-physical range. */
  public AddressRange gpaRange() {
    return new AddressRange(gpa, lengthBytes);
  }
}
