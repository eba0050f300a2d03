/**
 * One AMD-Vi unit at work: its registers, rings, device table and caches. What software does and in
 * which order; what the words mean is in {@code regs} and {@code structs}.
 */
@NullMarked
package dev.vmm.iommu.amd.unit;

import org.jspecify.annotations.NullMarked;
