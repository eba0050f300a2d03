/** The hardware we run on: physical memory, registers, and how a machine is found. */
@NullMarked
package dev.vmm.machine;

import org.jspecify.annotations.NullMarked;
