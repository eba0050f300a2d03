package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class RateMeterTest {
  private static final long SECOND = 1_000_000_000L;

  @Test
  void aBurstIsLetThroughThenTheRateAndNeverMore() {
    RateMeter meter = new RateMeter(10, SECOND);
    long now = Long.MAX_VALUE - 5 * SECOND; // nanoTime may wrap
    assertThat(allowed(meter, now, 25)).isEqualTo(10);
    assertThat(allowed(meter, now + SECOND / 10, 25)).isEqualTo(1);
    assertThat(allowed(meter, now + 9 * SECOND, 25)).isEqualTo(10);
    meter.refill();
    assertThat(allowed(meter, now + 9 * SECOND, 25)).isEqualTo(10);
  }

  @Test
  void overTimeNoMoreThanTheRateAndOneBurst() {
    RateMeter meter = new RateMeter(7, SECOND);
    int allowed = 0;
    for (long now = 0; now < 100 * SECOND; now += SECOND / 1000) {
      allowed += allowed(meter, now, 1);
    }
    assertThat(allowed).isBetween(700, 707);
  }

  @Test
  void zeroIsNoLimit() {
    assertThat(allowed(new RateMeter(0, SECOND), 0, 1000)).isEqualTo(1000);
  }

  @Test
  void theLastOfSeveralUnmapsCountsAndTheOldestIsForgotten() {
    UnmapHistory history = new UnmapHistory();
    history.unmapped(0x1000, 0x2000, 0);
    history.unmapped(0x2000, 0x1000, 5);
    assertThat(history.ago(0x1fff, 10)).contains(Duration.ofNanos(10));
    assertThat(history.ago(0x2000, 10)).contains(Duration.ofNanos(5));
    assertThat(history.ago(0x3000, 10)).isEmpty();
    assertThat(history.ago(0xfff, 10)).isEmpty();
    for (int i = 0; i < 5 * UnmapHistory.ENTRIES; i++) {
      history.unmapped(0x10_0000 + i * 0x1000L, 0x1000, 20);
    }
    assertThat(history.ago(0x1000, 30)).isEmpty();
    long last = 0x10_0000 + (5L * UnmapHistory.ENTRIES - 1) * 0x1000;
    long kept = last - (UnmapHistory.ENTRIES - 1) * 0x1000L;
    assertThat(history.ago(last, 30)).isPresent();
    assertThat(history.ago(kept, 30)).isPresent();
    assertThat(history.ago(kept - 0x1000, 30)).isEmpty();
  }

  private static int allowed(RateMeter meter, long now, int tries) {
    int allowed = 0;
    for (int i = 0; i < tries; i++) {
      allowed += meter.allows(now) ? 1 : 0;
    }
    return allowed;
  }
}
