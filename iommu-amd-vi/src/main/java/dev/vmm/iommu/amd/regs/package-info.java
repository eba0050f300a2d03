/**
 * The unit's registers, as the book has them: AMD 48882 rev 3, "IOMMU MMIO Registers" and "PCI
 * Resources". No behaviour.
 */
@NullMarked
package dev.vmm.iommu.amd.regs;

import org.jspecify.annotations.NullMarked;
