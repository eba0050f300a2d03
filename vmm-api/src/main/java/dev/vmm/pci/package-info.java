/** PCI functions, config space, BARs and capabilities. */
@NullMarked
package dev.vmm.pci;

import org.jspecify.annotations.NullMarked;
