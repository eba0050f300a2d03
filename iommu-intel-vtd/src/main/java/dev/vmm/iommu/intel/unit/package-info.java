/**
 * One remapping unit as a driver sees it: commands, caches, tables, domain ids, faults. What spans
 * units is in the package above.
 */
@NullMarked
package dev.vmm.iommu.intel.unit;

import org.jspecify.annotations.NullMarked;
