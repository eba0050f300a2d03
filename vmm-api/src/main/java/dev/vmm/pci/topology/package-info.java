/**
 * What the shape of a machine's PCI buses says of isolation: under which requester ids a function
 * can send, and which functions can reach each other past the I/O MMU.
 *
 * <p>Worked out from one scan, without writing anything; immutable.
 */
@NullMarked
package dev.vmm.pci.topology;

import org.jspecify.annotations.NullMarked;
