/** Proves, over the tables that units use, that devices are kept apart. */
@NullMarked
package dev.vmm.tools.dmardump.verify;

import org.jspecify.annotations.NullMarked;
