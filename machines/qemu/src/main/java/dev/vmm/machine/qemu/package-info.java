/** A machine in QEMU, driven over its qtest socket. */
@NullMarked
package dev.vmm.machine.qemu;

import org.jspecify.annotations.NullMarked;
