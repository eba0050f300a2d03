package dev.vmm.tools.vmmctl.demo;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

/** A check that fails says what was expected and what was got. */
final class EvidenceTest {
  private final Evidence evidence = new Evidence();

  @Test
  void notesAreKeptAndHeldChecksLeaveNoTrace() {
    evidence.note("command 0x%x", 7);
    evidence.note("off");

    assertThat(evidence.check("x", 1, 1)).isTrue();
    assertThat(evidence.notes()).containsExactly("command 0x7", "off");
    assertThat(evidence.failures()).isEmpty();
  }

  @Test
  void everyFailureIsKept() {
    assertThat(evidence.check("state", "OFF", "ON")).isFalse();
    evidence.fail("and more");

    assertThat(evidence.failures()).containsExactly("state: expected OFF, got ON", "and more");
  }

  @Test
  void bytesThatDifferAreNamed() {
    assertThat(evidence.checkBytes("page", new byte[] {1, 2}, new byte[] {1, 2})).isTrue();
    evidence.checkBytes("page", new byte[] {1, 2, 3}, new byte[] {1, (byte) 0xff, 3});
    evidence.checkBytes("page", new byte[] {1, 2, 3}, new byte[] {1, 2});

    assertThat(evidence.failures())
        .containsExactly(
            "page: expected 3 equal bytes, got 0xff instead of 0x02 at byte 0x1",
            "page: expected 3 equal bytes, got 2 bytes");
  }
}
