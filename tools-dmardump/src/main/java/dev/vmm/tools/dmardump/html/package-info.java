/** Writes reports as one HTML page with drawings. */
@NullMarked
package dev.vmm.tools.dmardump.html;

import org.jspecify.annotations.NullMarked;
