/** Writes reports as JSON, piece by piece. */
@NullMarked
package dev.vmm.tools.dmardump.json;

import org.jspecify.annotations.NullMarked;
