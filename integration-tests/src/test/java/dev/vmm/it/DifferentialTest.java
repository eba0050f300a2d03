package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.it.RandomScript.Step;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.SelfChecking;
import dev.vmm.ppt.Waiter;
import dev.vmm.tck.QuickTime;
import dev.vmm.testing.RequiresQemu;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same random operations on machines that have nothing in common: the embedded one and QEMU,
 * whose hardware others wrote, VT-d and AMD-Vi, of which each back end reads its own book. The same
 * translations, refusals and bytes come of them, and the same faults are told.
 */
final class DifferentialTest {
  private static final int QEMU_COPIES = 60;
  private static final int MODEL_COPIES = 1500;

  /**
   * A back end on a machine.
   *
   * @param book whose codes its faults have
   * @param faults whether its units tell faults
   */
  private record Subject(String backend, String machine, String book, boolean faults) {
    boolean embedded() {
      return machine.startsWith("model:");
    }

    List<Step> run(long seed, int copies) {
      try (Machine opened = Machines.open(machine)) {
        Waiter waiter = embedded() ? new QuickTime() : Waiter.REAL;
        List<Step> steps = new RandomScript(opened, waiter, faults, seed).run(copies);
        assertThat(SelfChecking.complaintsOf(opened))
            .as("%s, seed %d: misuses", machine, seed)
            .isEmpty();
        return steps;
      }
    }

    @Override
    public String toString() {
      return backend + " on " + machine;
    }
  }

  /** All levels that QEMU's VT-d unit walks, so that both refuse the same addresses. */
  private static final List<Subject> SUBJECTS =
      List.of(
          new Subject("intel-vtd", "model:intel,aw=39,edu-delay=0", "VT-d", true),
          new Subject("intel-vtd", "qemu:intel", "VT-d", true),
          new Subject("amd-vi", "model:amd,edu-delay=0", "AMD-Vi", true),
          // QEMU 7.2 logs no event for an access that is not mapped.
          new Subject("amd-vi", "qemu:amd", "AMD-Vi", false));

  private static List<Subject> subjects(boolean withQemu) {
    List<String> there =
        ServiceLoader.load(IommuProvider.class).stream().map(p -> p.get().name()).toList();
    assertThat(SUBJECTS.stream().map(Subject::backend))
        .as("back ends that are compared: a new one belongs into SUBJECTS")
        .containsAll(there);
    return SUBJECTS.stream()
        .filter(subject -> there.contains(subject.backend()))
        .filter(subject -> withQemu || subject.embedded())
        .toList();
  }

  @RequiresQemu
  @ParameterizedTest
  @ValueSource(longs = 20_261)
  void allBackEndsOnTheModelAndOnQemuDoTheSame(long seed) {
    compare(subjects(true), seed, QEMU_COPIES);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void allBackEndsOnTheModelDoTheSameOverThousandsOfSteps(long seed) {
    compare(subjects(false), seed, MODEL_COPIES);
  }

  /** What is not compared above since one of a kind is there: that the model's units differ. */
  @Test
  void unitsOfOtherShapesDoTheSame() {
    compare(
        List.of(
            SUBJECTS.get(0),
            new Subject("intel-vtd", "model:intel,aw=39,qi=off,edu-delay=0", "VT-d", true),
            new Subject("intel-vtd", "model:intel,aw=39,cm=on,edu-delay=0", "VT-d", true),
            new Subject(
                "intel-vtd", "model:intel,aw=39,coherent=off,units=3,edu-delay=0", "VT-d", true)),
        4,
        MODEL_COPIES / 3);
  }

  private static void compare(List<Subject> subjects, long seed, int copies) {
    Subject first = subjects.get(0);
    List<Step> expected = first.run(seed, copies);
    assertThat(expected).as("steps of seed %d", seed).hasSizeGreaterThan(copies);
    for (Subject other : subjects.subList(1, subjects.size())) {
      List<Step> steps = other.run(seed, copies);
      String as = String.format("seed %d: %s, as %s", seed, other, first);
      assertThat(told(steps, Step::text)).as(as).isEqualTo(told(expected, Step::text));
      if (first.faults() && other.faults()) {
        assertThat(told(steps, Step::faults)).as(as).isEqualTo(told(expected, Step::faults));
      }
      if (first.book().equals(other.book())) {
        assertThat(told(steps, Step::reasons)).as(as).isEqualTo(told(expected, Step::reasons));
      }
    }
  }

  /** Returns one part of each step, numbered. */
  private static List<String> told(List<Step> steps, Function<Step, String> part) {
    List<String> lines = new ArrayList<>();
    steps.forEach(step -> lines.add(lines.size() + ": " + part.apply(step)));
    return lines;
  }
}
