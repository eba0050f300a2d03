/** The start of the lazy I/O MMU under jcstress, in the package of what it looks into. */
@NullMarked
package dev.vmm.core;

import org.jspecify.annotations.NullMarked;
