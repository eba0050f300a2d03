package dev.vmm.iommu.spi;

import dev.vmm.machine.Machine;
import dev.vmm.tunable.Tunables;

/**
 * What a back end is given when it is opened.
 *
 * @param machine the hardware
 * @param tunables the user's values
 */
public record IommuContext(Machine machine, Tunables tunables) {}
