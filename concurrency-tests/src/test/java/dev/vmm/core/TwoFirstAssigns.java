package dev.vmm.core;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.IIII_Result;

/** Two first assigns at one time start the I/O MMU once, and both find it on. */
@JCStressTest
@Outcome(id = "1, 1, 1, 0", expect = Expect.ACCEPTABLE, desc = "started once, both in, then closed")
@Outcome(expect = Expect.FORBIDDEN, desc = "not started once, or one did not see it")
@State
public class TwoFirstAssigns {
  private final StartBench bench = new StartBench();

  /** One. */
  @Actor
  public void first(IIII_Result r) {
    r.r1 = bench.assign(StartBench.FIRST);
  }

  /** The other. */
  @Actor
  public void second(IIII_Result r) {
    r.r2 = bench.assign(StartBench.SECOND);
  }

  /** Looks where both are, and ends it. */
  @Arbiter
  public void after(IIII_Result r) {
    r.r1 = Math.min(r.r1, bench.settled(StartBench.FIRST));
    r.r2 = Math.min(r.r2, bench.settled(StartBench.SECOND));
    r.r3 = bench.starts();
    bench.close();
    r.r4 = bench.left();
  }
}
