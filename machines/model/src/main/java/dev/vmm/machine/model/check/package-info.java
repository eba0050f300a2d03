/** What the hardware noticed: misuse, counts and the trace. */
@NullMarked
package dev.vmm.machine.model.check;

import org.jspecify.annotations.NullMarked;
