/** A neutral model of what a unit was really programmed to do. */
@NullMarked
package dev.vmm.iommu.inspect;

import org.jspecify.annotations.NullMarked;
