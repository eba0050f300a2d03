/** A guest driver for the educational DMA device that more than one machine has. */
@NullMarked
package dev.vmm.machine.edu;

import org.jspecify.annotations.NullMarked;
