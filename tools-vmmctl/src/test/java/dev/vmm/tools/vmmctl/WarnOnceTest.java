package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.core.spi.FilterReply;
import org.junit.jupiter.api.Test;

/** A warning is told once, everything else always. */
final class WarnOnceTest {
  private final WarnOnce filter = new WarnOnce();
  private final Logger logger = new LoggerContext().getLogger("dev.vmm.x");

  private FilterReply decide(Level level, String format, Object... params) {
    return filter.decide(null, logger, level, format, params, null);
  }

  @Test
  void theSameWarningIsDeniedTheSecondTime() {
    assertThat(decide(Level.WARN, "{} is odd", "a")).isEqualTo(FilterReply.NEUTRAL);
    assertThat(decide(Level.WARN, "{} is odd", "a")).isEqualTo(FilterReply.DENY);
    assertThat(decide(Level.WARN, "{} is odd", "b")).isEqualTo(FilterReply.NEUTRAL);
  }

  @Test
  void errorsAndMereQuestionsOfTheLevelPass() {
    for (int i = 0; i < 2; i++) {
      assertThat(decide(Level.ERROR, "it broke")).isEqualTo(FilterReply.NEUTRAL);
      assertThat(filter.decide(null, logger, Level.WARN, null, null, null))
          .isEqualTo(FilterReply.NEUTRAL);
    }
  }
}
