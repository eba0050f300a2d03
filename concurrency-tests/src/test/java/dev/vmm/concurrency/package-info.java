/**
 * What a unit, which reads page tables while threads change them, may see: run by jcstress, which
 * tries for orders that a test of the usual kind never meets.
 */
@NullMarked
package dev.vmm.concurrency;

import org.jspecify.annotations.NullMarked;
