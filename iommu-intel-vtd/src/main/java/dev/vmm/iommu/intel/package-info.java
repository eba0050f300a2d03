/** The Intel VT-d back end. */
@NullMarked
package dev.vmm.iommu.intel;

import org.jspecify.annotations.NullMarked;
