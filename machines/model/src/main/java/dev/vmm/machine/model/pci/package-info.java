/** Config space, bridges, capabilities and resets of the machine's PCI functions. */
@NullMarked
package dev.vmm.machine.model.pci;

import org.jspecify.annotations.NullMarked;
