/** The example back end with a bug at a time, which the contract kit must notice. */
@NullMarked
package dev.vmm.tck.broken;

import org.jspecify.annotations.NullMarked;
