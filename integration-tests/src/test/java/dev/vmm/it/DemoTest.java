package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The main job on the embedded machine, as a user runs it: in a JVM of its own, since the first
 * step asks which classes that JVM has loaded.
 */
@Execution(ExecutionMode.CONCURRENT)
final class DemoTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model:intel",
        "model:intel,aw=39",
        "model:intel,aw=57,units=2",
        "model:intel,cm=on,coherent=off,rwbf=on,qi=off",
        "model:intel,psi=off,superpages=none,lag=20,segments=2",
        "model:amd",
        "model:amd,units=2,np-cache=on,coherent=off,lag=20",
        "model:amd,efr=off,segments=2"
      })
  void everyStepOfTheDemoHoldsOnTheEmbeddedMachineAndNoRuleIsBroken(String machine)
      throws Exception {
    // Without a queue a unit remaps no interrupts.
    String unsafe =
        "hw.vmm.iommu.allow_unsafe_interrupts" + (machine.contains("qi=off") ? "=1" : "=0");
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--machine", machine, "--tunable", unsafe);
    assertThat(run.out())
        .as("standard error: %s", run.err())
        .contains("10 of 10 steps held")
        .doesNotContain("misused");
    assertThat(run.status()).isZero();
  }

  @Test
  void theEmbeddedMachineIsTheDefaultAndVerboseShowsItsTrace() throws Exception {
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--verbose");
    assertThat(run.out()).contains("demo on model:intel", "10 of 10 steps held");
    assertThat(run.out() + run.err()).contains("vtd0: write32 0x18 = ", "it counted");
  }
}
