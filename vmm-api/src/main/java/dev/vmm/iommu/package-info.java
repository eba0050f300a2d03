/** The I/O MMU as its users see it: domains, mappings, faults. */
@NullMarked
package dev.vmm.iommu;

import org.jspecify.annotations.NullMarked;
