/**
 * Virtual machines, the discovery of back ends, and the I/O MMU that is started when a PCI device
 * is first passed through.
 *
 * <p>Begin at {@link dev.vmm.core.Vmm#open}.
 */
@NullMarked
package dev.vmm.core;

import org.jspecify.annotations.NullMarked;
