/** Physical memory as the processor, the units and the devices see it. */
@NullMarked
package dev.vmm.machine.model.memory;

import org.jspecify.annotations.NullMarked;
