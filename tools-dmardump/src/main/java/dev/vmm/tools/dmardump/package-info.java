/** Shows what firmware described and what the hardware was programmed to do. */
@NullMarked
package dev.vmm.tools.dmardump;

import org.jspecify.annotations.NullMarked;
