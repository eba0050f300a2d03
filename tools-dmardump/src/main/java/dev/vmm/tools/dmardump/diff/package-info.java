/** Compares two captures by what they mean. */
@NullMarked
package dev.vmm.tools.dmardump.diff;

import org.jspecify.annotations.NullMarked;
