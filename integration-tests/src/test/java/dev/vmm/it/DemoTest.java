package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.testing.RequiresQemu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The main job, as a user runs it: in a JVM of its own, since the first step asks which classes
 * that JVM has loaded.
 */
final class DemoTest {
  @TempDir Path folder;

  private record Run(int status, String out, String err) {}

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
    Run run = vmmctl("demo", "--machine", machine, "--tunable", unsafe);
    assertThat(run.out())
        .as("standard error: %s", run.err())
        .contains("10 of 10 steps held")
        .doesNotContain("misused");
    assertThat(run.status()).isZero();
  }

  @Test
  void theEmbeddedMachineIsTheDefaultAndVerboseShowsItsTrace() throws Exception {
    Run run = vmmctl("demo", "--verbose");
    assertThat(run.out()).contains("demo on model:intel", "10 of 10 steps held");
    assertThat(run.out() + run.err()).contains("vtd0: write32 0x18 = ", "it counted");
  }

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsOnQemuIntel() throws Exception {
    Run run = vmmctl("demo", "--machine", "qemu:intel");
    assertThat(run.out()).as("standard error: %s", run.err()).contains("10 of 10 steps held");
    assertThat(run.status()).isZero();
    assertThat(run.out()).doesNotContain("\u001b");
  }

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsWithWideAddressesAndCachingMode() throws Exception {
    Run run = vmmctl("demo", "--machine", "qemu:intel,aw-bits=48,caching-mode=on");
    assertThat(run.out()).as("standard error: %s", run.err()).contains("10 of 10 steps held");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void everyStepOfTheDemoHoldsOnQemuAmdAndSaysThatItLogsNoEvent() throws Exception {
    Run run = vmmctl("demo", "--machine", "qemu:amd");
    assertThat(run.out())
        .as("standard error: %s", run.err())
        .contains("10 of 10 steps held", "CONTROL.IommuEn=1", "qemu:amd logs no event");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void verboseShowsTheRegisterWrites() throws Exception {
    Run run = vmmctl("demo", "--machine", "qemu:intel", "--verbose");
    assertThat(run.out() + run.err()).contains("GCMD").contains("RTADDR");
    assertThat(run.status()).isZero();
  }

  @Test
  @RequiresQemu
  void aMachineWithoutAnIommuFailsTheDemoAndSaysWhy() throws Exception {
    Run run = vmmctl("demo", "--machine", "qemu:none");
    assertThat(run.out()).contains("I/O MMU is not present or is disabled");
    assertThat(run.status()).isEqualTo(1);
    assertThat(run.err()).doesNotContain("\tat ");
  }

  private Run vmmctl(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-cp", UsersClassPath.get()));
    command.add("dev.vmm.tools.vmmctl.Main");
    command.addAll(List.of(args));
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    Process process =
        new ProcessBuilder(command)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile())
            .start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("the demo ends").isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    return new Run(process.exitValue(), read(out), read(err));
  }

  private static String read(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.UTF_8);
  }
}
