/**
 * The AMD-Vi remapping unit, by the AMD I/O Virtualization Technology (IOMMU) Specification, 48882
 * rev 3.
 */
@NullMarked
package dev.vmm.machine.model.amd;

import org.jspecify.annotations.NullMarked;
