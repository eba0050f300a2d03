/** Reads units back as they are programmed, believing nothing that they or memory say. */
@NullMarked
package dev.vmm.iommu.amd.inspect;

import org.jspecify.annotations.NullMarked;
