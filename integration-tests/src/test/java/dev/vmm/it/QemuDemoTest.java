package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.testing.RequiresQemu;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The main job on machines in QEMU, as a user runs it; one at a time, for each is two processes.
 */
final class QemuDemoTest {
  @TempDir Path folder;

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsOnQemuIntel() throws Exception {
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--machine", "qemu:intel");
    assertThat(run.out()).as("standard error: %s", run.err()).contains("10 of 10 steps held");
    assertThat(run.status()).isZero();
    assertThat(run.out()).doesNotContain("\u001b");
  }

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsWithWideAddressesAndCachingMode() throws Exception {
    VmmctlRun run =
        VmmctlRun.of(folder, "demo", "--machine", "qemu:intel,aw-bits=48,caching-mode=on");
    assertThat(run.out()).as("standard error: %s", run.err()).contains("10 of 10 steps held");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsOnQemuAmdAndSaysThatItLogsNoEvent() throws Exception {
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--machine", "qemu:amd");
    assertThat(run.out())
        .as("standard error: %s", run.err())
        .contains("10 of 10 steps held", "CONTROL.IommuEn=1", "qemu:amd logs no event");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void verboseShowsTheRegisterWrites() throws Exception {
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--machine", "qemu:intel", "--verbose");
    assertThat(run.out() + run.err()).contains("GCMD").contains("RTADDR");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void aMachineWithoutAnIommuFailsTheDemoAndSaysWhy() throws Exception {
    VmmctlRun run = VmmctlRun.of(folder, "demo", "--machine", "qemu:none");
    assertThat(run.out()).contains("I/O MMU is not present or is disabled");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).doesNotContain("\tat ");
  }
}
