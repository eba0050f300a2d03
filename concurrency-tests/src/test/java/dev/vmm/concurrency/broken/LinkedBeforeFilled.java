package dev.vmm.concurrency.broken;

import dev.vmm.machine.PhysicalMemory;
import dev.vmm.testing.ArrayMemory;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** A driver's mistake that the run must find: a table is linked, and only then filled. */
@JCStressTest
@Outcome(
    id = {"0", "1"},
    expect = Expect.ACCEPTABLE,
    desc = "not yet, or whole")
@Outcome(id = "-1", expect = Expect.FORBIDDEN, desc = "a link to an unfilled table")
@State
public class LinkedBeforeFilled {
  private static final PhysicalMemory MEMORY = new ArrayMemory(256L << 20);

  private final long root = MEMORY.allocatePage();
  private final long table = MEMORY.allocatePage();

  /** Links, and takes its time to fill. */
  @Actor
  public void map() {
    MEMORY.writeRelease64(root, table | 3);
    for (int i = 0; i < 2000; i++) {
      Thread.onSpinWait();
    }
    MEMORY.fill64(table, 512, 3, 0x1000);
  }

  /** Walks. */
  @Actor
  public void walk(I_Result r) {
    long link = MEMORY.readAcquire64(root);
    r.r1 = link == 0 ? 0 : MEMORY.readAcquire64(table + 8 * 511) == 0 ? -1 : 1;
  }

  /** Gives the pages back. */
  @Arbiter
  public void after(I_Result r) {
    MEMORY.free(root, PhysicalMemory.PAGE_BYTES);
    MEMORY.free(table, PhysicalMemory.PAGE_BYTES);
  }
}
