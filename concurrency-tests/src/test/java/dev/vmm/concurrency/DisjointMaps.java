package dev.vmm.concurrency;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.III_Result;

/** Two threads that map neighbours at one time need the same new tables. */
@JCStressTest
@Outcome(id = "1, 1, 4", expect = Expect.ACCEPTABLE, desc = "both mapped, no table made twice")
@Outcome(expect = Expect.FORBIDDEN, desc = "a mapping or a table was lost")
@State
public class DisjointMaps {
  /** The last page below a boundary of leaf tables, and the first above it. */
  private static final long LOW = 2 * Walk.LARGE - Walk.PAGE;

  private static final long HIGH = 2 * Walk.LARGE;

  private final Walk unit = new Walk(Memories.next());

  /** Maps the page below. */
  @Actor
  public void mapLow() {
    unit.map(LOW, Walk.PAGE);
  }

  /** Maps the page above. */
  @Actor
  public void mapHigh() {
    unit.map(HIGH, Walk.PAGE);
  }

  /** Walks to both, counts the tables, and gives them back. */
  @Arbiter
  public void after(III_Result r) {
    r.r1 = unit.walk(LOW);
    r.r2 = unit.walk(HIGH);
    r.r3 = (int) unit.table.tablePages();
    unit.table.close(true);
  }
}
