package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The command as a user runs it, on machines that start nothing. */
final class MainTest {
  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  @Test
  void listShowsEachFunctionWithItsClassAndWhoHasIt() {
    assertThat(run("list", "--machine", "fake:plain")).isZero();
    assertThat(out.toString().lines())
        .containsExactly(
            "RID           NAME   ID         CLASS         DRIVER  UNIT  DOMAIN  RESET  CAPABILITIES  GROUP  RESERVED",
            "0000:00:00.0  host0  8086:29c0  host bridge   host    -     -       -      -             -      -",
            "0000:00:05.0  dev0   1af4:1041  class fe1234  host    -     -       -      -             -      -");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void demoOnAMachineWithoutAnIommuFailsStepByStepAndSaysWhy() {
    assertThat(run("demo", "--machine", "fake:plain")).isEqualTo(1);
    assertThat(out.toString().lines().toList())
        .first()
        .isEqualTo("demo on fake:: 2M of RAM, 2 PCI functions, DMA by none of them");
    for (int step = 1; step <= 10; step++) {
      assertThat(out.toString())
          .containsPattern("(?m)^" + String.format("%2d", step) + "  (FAILED |not run)  ");
    }
    assertThat(out.toString())
        .contains("hw.vmm.iommu.initialized=0")
        .contains("expected translation off, got no unit")
        .contains(
            " 9  not run  SR-IOV virtual function       no function here has an SR-IOV capability")
        .containsPattern("0 of 10 steps held in \\d+\\.\\d s\\R$")
        .doesNotContain("\tat ", "\u001b");
  }

  @Test
  void aMalformedTunableIsRefusedBeforeAMachineIsStarted() {
    assertThat(run("demo", "-m", "fake:dead", "--tunable", "hw.vmm.iommu.enable=maybe"))
        .isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo(
            "vmmctl: EINVAL: tunable hw.vmm.iommu.enable has the malformed value \"maybe\" (--tunable): expected 0 or 1;"
                + " correct or remove it\n");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aMalformedTunableInAFileIsNamedWithItsLine() throws IOException {
    Path conf =
        Files.writeString(dir.resolve("loader.conf"), "# mine\nhw.vmm.ppt.home=\"nowhere\"\n");

    assertThat(run("list", "-m", "fake:plain", "--conf", conf.toString())).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("vmmctl: EINVAL: tunable hw.vmm.ppt.home")
        .contains("\"nowhere\"", conf + " line 2", "expected blocked or host");
  }

  @Test
  void anOptionWinsOverTheFile() throws IOException {
    Path conf = Files.writeString(dir.resolve("loader.conf"), "hw.vmm.iommu.enable=maybe\n");

    assertThat(
            run(
                "list",
                "-m",
                "fake:plain",
                "--conf",
                conf.toString(),
                "-t",
                "hw.vmm.iommu.enable=1"))
        .isZero();
  }

  @Test
  void aTunableWithoutAValueIsRefused() {
    assertThat(run("list", "-m", "fake:plain", "-t", "hw.vmm.iommu.enable")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith(
            "vmmctl: EINVAL: malformed --tunable \"hw.vmm.iommu.enable\": expected NAME=VALUE");
  }

  @Test
  void aMissingConfFileIsRefused() {
    Path conf = dir.resolve("absent.conf");

    assertThat(run("list", "-m", "fake:plain", "--conf", conf.toString())).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("vmmctl: ENOENT: ")
        .contains(conf.toString())
        .hasLineCount(1);
  }

  @Test
  void aMachineThatDoesNotComeUpIsOneLineAndAFailure() {
    assertThat(run("demo", "--machine", "fake:dead")).isEqualTo(1);
    assertThat(err.toString())
        .isEqualTo("vmmctl: ETIMEDOUT: fake:dead did not answer; within 5 s; look at its log\n");
  }

  @Test
  void anUnknownMachineListsTheKnownOnes() {
    assertThat(run("demo", "--machine", "abacus")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("vmmctl: EINVAL: unknown machine \"abacus\": known are ")
        .contains("fake:plain|dead")
        .hasLineCount(1);
  }

  @Test
  void usageErrorsAreOneLineEach() {
    assertThat(run()).isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo(
            "vmmctl: EINVAL: expected a command: demo, list, can-assign, run, shell, tunables, dmardump, completion or help; see \"vmmctl --help\"\n");
    err.getBuffer().setLength(0);
    assertThat(run("demo", "--bogus")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("vmmctl: EINVAL: ")
        .contains("--bogus")
        .endsWith("see \"vmmctl demo --help\"\n")
        .hasLineCount(1);
    err.getBuffer().setLength(0);
    assertThat(run("frobnicate")).isEqualTo(2);
    assertThat(err.toString()).contains("frobnicate").hasLineCount(1);
  }

  @Test
  void tunablesListsThePlatformsAndTheBackEndsWithTheirValues() {
    assertThat(run("tunables", "-t", "hw.vmm.ppt.home=host", "-t", "hw.vmm.vtd.timeout_ms=0x10"))
        .isZero();
    assertThat(err.toString()).isEmpty();
    assertThat(out.toString().lines().map(line -> line.replaceAll("  +", "|")))
        .contains(
            "NAME|VALUE|DEFAULT|TYPE|MEANING",
            "hw.vmm.iommu.backend|\"\"|\"\"|text|the back end to use by name; empty for the best that fits",
            "hw.vmm.iommu.initialized|0|read-only|1 once the first assign has started the I/O MMU",
            "hw.vmm.ppt.home|host|blocked|blocked or host|the domain of a ppt device that no VM owns:"
                + " blocked or host")
        .anyMatch(
            line ->
                line.startsWith(
                    "hw.vmm.vtd.timeout_ms|0x10|1000|a number from 1 to 60000|how long"));
  }

  @Test
  void tunablesTellsOfNamesThatNobodyKnowsOrThatTakeNoValue() {
    assertThat(
            run(
                "tunables",
                "-t",
                "hw.vmm.iommu.enabel=0",
                "-t",
                "hw.vmm.force_iommu=1",
                "-t",
                "hw.vmm.iommu.initialized=1"))
        .isZero();
    assertThat(err.toString().lines())
        .hasSize(3)
        .allMatch(line -> line.startsWith("vmmctl: warning: "))
        .anyMatch(line -> line.contains("unknown tunable hw.vmm.iommu.enabel (--tunable)"))
        .anyMatch(line -> line.contains("hw.vmm.force_iommu is ignored, it no longer exists"))
        .anyMatch(line -> line.contains("hw.vmm.iommu.initialized is read-only"));
  }

  @Test
  void tunablesRefusesAMalformedValueOfABackEndsTunable() {
    assertThat(run("tunables", "-t", "hw.vmm.vtd.timeout_ms=soon")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith(
            "vmmctl: EINVAL: tunable hw.vmm.vtd.timeout_ms has the malformed value \"soon\"")
        .hasLineCount(1);
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void listTellsOfAnUnknownTunable() {
    assertThat(run("list", "-m", "fake:plain", "-t", "hw.vmm.iommu.enabel=0")).isZero();
    assertThat(err.toString())
        .startsWith("vmmctl: warning: unknown tunable hw.vmm.iommu.enabel (--tunable) is ignored");
  }

  @Test
  void completionIsAScriptWithEveryCommand() {
    assertThat(run("completion")).isZero();
    assertThat(out.toString())
        .contains("complete -F _complete_vmmctl", "run", "shell", "--keep-going");
    out.getBuffer().setLength(0);
    assertThat(run("completion", "--help")).isZero();
    assertThat(out.toString()).contains("source <(vmmctl completion)");
  }

  @Test
  void dmardumpIsASubcommand() {
    assertThat(run("dmardump", dir.resolve("absent").toString())).isEqualTo(2);
    assertThat(err.toString()).contains("dmardump: ENOENT: there is no file ");
  }

  @Test
  void helpAndVersionSucceed() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("Usage: vmmctl", "demo", "list", "dmardump");
    out.getBuffer().setLength(0);
    assertThat(run("help", "demo")).isZero();
    assertThat(out.toString()).contains("Usage: vmmctl demo", "--machine", "--tunable", "--color");
    out.getBuffer().setLength(0);
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).matches("vmmctl \\d+\\.\\d+\\.\\d+\\S* \\(Java \\d+\\)\\R");
  }
}
