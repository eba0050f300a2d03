package dev.vmm.concurrency;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** New tables are whole before anything leads to them. */
@JCStressTest
@Outcome(id = "0, 1", expect = Expect.ACCEPTABLE, desc = "the unit was first")
@Outcome(id = "1, 1", expect = Expect.ACCEPTABLE, desc = "the map was first")
@Outcome(expect = Expect.FORBIDDEN, desc = "a present entry led to an unfilled table")
@State
public class Publication {
  private static final long FIRST = 0x20_0000;

  /** The last of three pages, so that it is written last. */
  private static final long LAST = FIRST + 2 * Walk.PAGE;

  private final Walk unit = new Walk(Memories.next());

  /** Fills two new tables and links them. */
  @Actor
  public void map() {
    unit.map(FIRST, 3 * Walk.PAGE);
  }

  /** Walks them at the same time. */
  @Actor
  public void walk(II_Result r) {
    r.r1 = unit.walk(LAST);
  }

  /** Walks them afterwards, and gives the pages back. */
  @Arbiter
  public void after(II_Result r) {
    r.r2 = unit.walk(LAST);
    unit.table.close(true);
  }
}
