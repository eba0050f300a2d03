/**
 * PCI Express functions: requester ids, config space, capabilities, enumeration.
 *
 * <p>Source: PCI Express Base 6.0, chapter 7, "Software Initialization and Configuration".
 */
@NullMarked
package dev.vmm.pci;

import org.jspecify.annotations.NullMarked;
