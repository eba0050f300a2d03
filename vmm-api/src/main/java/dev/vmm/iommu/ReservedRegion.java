package dev.vmm.iommu;

import dev.vmm.AddressRange;

/**
 * A range that firmware says a device goes on using (RMRR, IVMD).
 *
 * @param range the host-physical range
 * @param access what the device does there
 * @param source the table and offset that says so, such as {@code DMAR offset 0x58 RMRR}
 */
public record ReservedRegion(AddressRange range, Access access, String source) {}
