package dev.vmm.concurrency;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A superpage that loses a page goes on mapping all others at every moment. */
@JCStressTest
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "mapped throughout")
@Outcome(expect = Expect.FORBIDDEN, desc = "a page that nobody unmapped was gone or elsewhere")
@State
public class Split {
  private static final long START = Walk.LARGE;
  private static final long LAST = START + Walk.LARGE - Walk.PAGE;

  private final Walk unit = new Walk(Memories.next());

  /** Maps one superpage. */
  public Split() {
    unit.map(START, Walk.LARGE);
  }

  /** Takes the first page out. */
  @Actor
  public void unmapFirst() {
    unit.table.unmap(START, Walk.PAGE);
  }

  /** Looks for the last one at the same time. */
  @Actor
  public void walkLast(II_Result r) {
    r.r1 = unit.walk(LAST);
  }

  /** Looks for it afterwards, and gives the pages back. */
  @Arbiter
  public void after(II_Result r) {
    r.r2 = unit.walk(START) == Walk.HOLE ? unit.walk(LAST) : Walk.GARBAGE;
    unit.table.close(true);
  }
}
