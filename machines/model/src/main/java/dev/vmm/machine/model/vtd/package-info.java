/**
 * The Intel VT-d remapping unit in legacy mode, written from "Intel Virtualization Technology for
 * Directed I/O Architecture Specification" r4.1, called the book here.
 */
@NullMarked
package dev.vmm.machine.model.vtd;

import org.jspecify.annotations.NullMarked;
