/**
 * What a unit reads in memory: root, context and paging entries, invalidation descriptors. Source:
 * VT-d r4.1, "Translation Structure Formats" and "Queued Invalidation Interface".
 */
@NullMarked
package dev.vmm.iommu.intel.structs;

import org.jspecify.annotations.NullMarked;
