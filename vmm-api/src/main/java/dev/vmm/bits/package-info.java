/** Layouts of registers and table entries, field by field. */
@NullMarked
package dev.vmm.bits;

import org.jspecify.annotations.NullMarked;
