/**
 * The contract kit: the platform's invariants as JUnit tests over any back end on any machine.
 *
 * <p>To prove a back end, extend {@link dev.vmm.tck.BackendContract} once for each machine and say
 * in its one method, with a {@link dev.vmm.tck.TckSubject}, which back end, which machine, and what
 * the two can do together. The tests of the invariants come as nested classes that carry the
 * invariants' numbers.
 */
@NullMarked
package dev.vmm.tck;

import org.jspecify.annotations.NullMarked;
