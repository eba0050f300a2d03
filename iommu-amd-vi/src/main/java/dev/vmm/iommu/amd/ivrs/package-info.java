/**
 * What firmware says about the I/O MMUs: the IVRS table, and which unit translates for whom.
 *
 * <p>{@link dev.vmm.iommu.amd.ivrs.IvrsTable} is for a driver and refuses a table that cannot be
 * trusted; {@link dev.vmm.iommu.amd.ivrs.IvrsReporter} is for a reader and decodes what it can;
 * {@link dev.vmm.iommu.amd.ivrs.UnitMap} answers what a driver asks of a table.
 *
 * <p>Source: AMD 48882 rev 3.x, "I/O Virtualization ACPI Table".
 */
@NullMarked
package dev.vmm.iommu.amd.ivrs;

import org.jspecify.annotations.NullMarked;
