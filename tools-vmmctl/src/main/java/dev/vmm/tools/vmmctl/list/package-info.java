/** The table of a machine's PCI functions, as text and as JSON. */
@NullMarked
package dev.vmm.tools.vmmctl.list;

import org.jspecify.annotations.NullMarked;
