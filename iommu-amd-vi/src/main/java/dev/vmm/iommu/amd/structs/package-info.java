/**
 * What unit and software tell each other in memory: device table entries, commands, events and page
 * tables, as AMD 48882 rev 3 has them. No behaviour.
 */
@NullMarked
package dev.vmm.iommu.amd.structs;

import org.jspecify.annotations.NullMarked;
