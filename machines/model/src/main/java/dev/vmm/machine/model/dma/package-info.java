/** How a DMA gets from a device through a remapping unit to memory. */
@NullMarked
package dev.vmm.machine.model.dma;

import org.jspecify.annotations.NullMarked;
