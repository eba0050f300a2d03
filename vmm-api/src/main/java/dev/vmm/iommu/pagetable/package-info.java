/** One page-table engine, and what a format of one hardware must tell it. */
@NullMarked
package dev.vmm.iommu.pagetable;

import org.jspecify.annotations.NullMarked;
