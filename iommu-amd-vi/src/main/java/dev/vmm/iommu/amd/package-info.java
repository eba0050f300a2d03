/** The AMD-Vi back end. */
@NullMarked
package dev.vmm.iommu.amd;

import org.jspecify.annotations.NullMarked;
