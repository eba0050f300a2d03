package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each step is tried, and the first failure is the one that is told. */
class AllTriedTest {
  private final List<String> done = new ArrayList<>();
  private final AllTried steps = new AllTried();

  private void step(String name) {
    done.add(name);
    if (name.startsWith("bad")) {
      throw new IllegalStateException(name);
    }
  }

  @Test
  void noStepKeepsTheOthersFromBeingTried() {
    steps.each(List.of("a", "bad b", "c"), this::step);
    steps.run(() -> step("bad d"));
    steps.run(() -> step("e"));
    assertThat(done).containsExactly("a", "bad b", "c", "bad d", "e");
    assertThat(steps.first()).hasMessage("bad b");
    assertThatThrownBy(steps::throwFirst)
        .hasMessage("bad b")
        .satisfies(
            first ->
                assertThat(first.getSuppressed())
                    .singleElement()
                    .satisfies(second -> assertThat(second).hasMessage("bad d")));
  }

  @Test
  void whereNoneFailsNothingIsThrown() {
    steps.each(List.of("a", "b"), this::step);
    steps.throwFirst();
    assertThat(steps.first()).isNull();
    Exception cause = new Exception();
    steps.suppressIn(cause);
    assertThat(cause.getSuppressed()).isEmpty();
  }

  /** No exception can be suppressed in itself. */
  @Test
  void oneFailureOfSeveralStepsIsToldOnce() {
    IllegalStateException same = new IllegalStateException("same");
    for (int i = 0; i < 3; i++) {
      steps.run(
          () -> {
            throw same;
          });
    }
    steps.suppressIn(same);
    assertThat(steps.first()).isSameAs(same);
    assertThat(same.getSuppressed()).isEmpty();
    Exception cause = new Exception();
    steps.suppressIn(cause);
    assertThat(cause.getSuppressed()).containsExactly(same);
  }
}
