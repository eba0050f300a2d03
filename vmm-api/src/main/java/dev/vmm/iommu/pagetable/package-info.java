/**
 * One page-table engine and the interface of its formats. A format is limits, bit constants and
 * about ten functions; the algorithms are here, once.
 */
@NullMarked
package dev.vmm.iommu.pagetable;

import org.jspecify.annotations.NullMarked;
