/** Reads units back as they are programmed, believing nothing that they or memory say. */
@NullMarked
package dev.vmm.iommu.intel.inspect;

import org.jspecify.annotations.NullMarked;
