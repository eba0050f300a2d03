package dev.vmm.core;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;

/** A first assign while the platform closes gets the I/O MMU or a refusal; none is left on. */
@JCStressTest
@Outcome(id = "1, 0", expect = Expect.ACCEPTABLE, desc = "started, then closed")
@Outcome(id = "0, 0", expect = Expect.ACCEPTABLE, desc = "refused")
@Outcome(expect = Expect.FORBIDDEN, desc = "left on, or another failure")
@State
public class AssignAndClose {
  private final StartBench bench = new StartBench();

  /** Assigns. */
  @Actor
  public void assign(II_Result r) {
    r.r1 = bench.assign(StartBench.FIRST);
  }

  /** Closes. */
  @Actor
  public void close() {
    bench.close();
  }

  /** Looks whether anything is left. */
  @Arbiter
  public void after(II_Result r) {
    r.r2 = bench.left();
  }
}
