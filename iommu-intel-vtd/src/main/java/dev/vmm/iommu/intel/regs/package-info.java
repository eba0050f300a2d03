/**
 * The registers of a remapping unit: bits and their meaning, no behaviour. Source: VT-d r4.1,
 * "Register Descriptions".
 */
@NullMarked
package dev.vmm.iommu.intel.regs;

import org.jspecify.annotations.NullMarked;
