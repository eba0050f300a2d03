/** Devices that live behind PCI functions: engines for DMA, well-behaved and not. */
@NullMarked
package dev.vmm.machine.model.device;

import org.jspecify.annotations.NullMarked;
