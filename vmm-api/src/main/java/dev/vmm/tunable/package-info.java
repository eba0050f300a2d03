/** The {@code hw.vmm.*} tunables: declarations, values and where they came from. */
@NullMarked
package dev.vmm.tunable;

import org.jspecify.annotations.NullMarked;
