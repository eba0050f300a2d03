/**
 * What firmware says about the remapping hardware: the DMAR table, and which unit translates for
 * whom.
 *
 * <p>{@link dev.vmm.iommu.intel.dmar.DmarTable} is for a driver and refuses a table that cannot be
 * trusted; {@link dev.vmm.iommu.intel.dmar.DmarReporter} is for a reader and decodes what it can;
 * {@link dev.vmm.iommu.intel.dmar.UnitMap} joins a table with the PCI functions of a machine.
 *
 * <p>Source: VT-d r4.1, "BIOS Considerations".
 */
@NullMarked
package dev.vmm.iommu.intel.dmar;

import org.jspecify.annotations.NullMarked;
