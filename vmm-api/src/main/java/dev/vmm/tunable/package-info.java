/** The {@code hw.vmm.*} tunables: names, types, defaults and values. */
@NullMarked
package dev.vmm.tunable;

import org.jspecify.annotations.NullMarked;
