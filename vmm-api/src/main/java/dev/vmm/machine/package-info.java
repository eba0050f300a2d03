/**
 * The hardware that the platform runs on: memory, registers, PCI and firmware tables behind one
 * interface.
 *
 * <p>To add a machine, implement {@link dev.vmm.machine.Machine} and a {@link
 * dev.vmm.machine.MachineProvider} that {@code ServiceLoader} finds.
 */
@NullMarked
package dev.vmm.machine;

import org.jspecify.annotations.NullMarked;
