package dev.vmm.tools.vmmctl.demo;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

/** Steps are readable whatever the width of the terminal. */
final class StepLayoutTest {
  private static final List<String> EVIDENCE =
      List.of(
          "on in 92.9 ms, GSTS.TES=1",
          "0000:00:02.0 in domain 0x3 (324K of the guest)",
          "the other 9 in domain 0x2 (1:1, 512M)");

  private static List<String> step(int columns, List<String> evidence) {
    return new StepLayout(columns).step(" 3", "ok     ", "first assign starts it", evidence);
  }

  @Test
  void withoutATerminalAStepIsOneLine() {
    assertThat(step(Integer.MAX_VALUE, EVIDENCE))
        .containsExactly(
            " 3  ok       first assign starts it        on in 92.9 ms, GSTS.TES=1; 0000:00:02.0 in"
                + " domain 0x3 (324K of the guest); the other 9 in domain 0x2 (1:1, 512M)");
  }

  @Test
  void aWideTerminalBreaksTheEvidenceBetweenItsPartsUnderItsColumn() {
    assertThat(step(110, EVIDENCE))
        .containsExactly(
            " 3  ok       first assign starts it        on in 92.9 ms, GSTS.TES=1;",
            "                                           0000:00:02.0 in domain 0x3 (324K of the guest);",
            "                                           the other 9 in domain 0x2 (1:1, 512M)");
  }

  @Test
  void aNarrowTerminalHasTheEvidenceBelowTheTitle() {
    assertThat(step(80, EVIDENCE))
        .containsExactly(
            " 3  ok       first assign starts it",
            "             on in 92.9 ms, GSTS.TES=1;",
            "             0000:00:02.0 in domain 0x3 (324K of the guest);",
            "             the other 9 in domain 0x2 (1:1, 512M)");
  }

  @Test
  void aStepWithoutEvidenceIsItsTitle() {
    assertThat(step(120, List.of())).containsExactly(" 3  ok       first assign starts it");
    assertThat(step(80, List.of())).containsExactly(" 3  ok       first assign starts it");
  }

  @Test
  void aWordLongerThanTheTerminalIsNotBroken() {
    assertThat(step(1, List.of("a b", "c")))
        .containsExactly(
            " 3  ok       first assign starts it",
            "             a",
            "             b;",
            "             c");
  }
}
