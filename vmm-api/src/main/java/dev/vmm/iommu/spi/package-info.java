/** What a back end implements to be found and started. */
@NullMarked
package dev.vmm.iommu.spi;

import org.jspecify.annotations.NullMarked;
