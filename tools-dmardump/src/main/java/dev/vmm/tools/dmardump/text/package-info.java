/** Text that is written by the million lines. */
@NullMarked
package dev.vmm.tools.dmardump.text;

import org.jspecify.annotations.NullMarked;
