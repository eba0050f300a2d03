/**
 * The embedded machine: a PC in this process with hardware that is as lazy as the books allow, and
 * that notes every misuse. Begin at {@link dev.vmm.machine.model.ModelMachineBuilder}.
 */
@NullMarked
package dev.vmm.machine.model;

import org.jspecify.annotations.NullMarked;
