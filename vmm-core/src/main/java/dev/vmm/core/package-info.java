/** Virtual machines, and the I/O MMU that starts when the first device is passed through. */
@NullMarked
package dev.vmm.core;

import org.jspecify.annotations.NullMarked;
