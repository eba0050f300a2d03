/**
 * Records what an inspection reads of a machine, and plays it back as a machine that cannot be
 * changed. The file's layout: {@code docs/snapshot-format.md}.
 */
@NullMarked
package dev.vmm.machine.snapshot;

import org.jspecify.annotations.NullMarked;
