package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A wait ends, but not before its time and one last look. */
class DeadlineTest {
  @Test
  void aWaitThatIsOverAllowsOneLastLook() {
    Deadline deadline = new Deadline(0);
    for (int wait = 0; wait < 3; wait++) {
      assertThat(deadline.begin()).isSameAs(deadline);
      assertThat(deadline.pause()).isTrue();
      assertThat(deadline.pause()).isFalse();
      assertThat(deadline.pause()).isFalse();
    }
  }

  @Test
  void aWaitLastsItsTimeAndTellsIt() {
    long begin = System.nanoTime();
    Deadline deadline = new Deadline(TimeUnit.MILLISECONDS.toNanos(40)).begin();
    int looks = 0;
    while (deadline.pause()) {
      looks++;
    }
    long told = deadline.waitedMillis();
    long waited = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - begin);
    assertThat(told).isBetween(40L, waited);
    // It spins a little, then sleeps for longer and longer: not a look for every microsecond.
    assertThat(looks).isBetween(1, 5_000);
  }
}
