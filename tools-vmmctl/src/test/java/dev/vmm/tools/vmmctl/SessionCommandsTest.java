package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code vmmctl run} and {@code vmmctl shell} as a user runs them. */
final class SessionCommandsTest {
  private static final Path EXAMPLES = Path.of("..", "docs", "examples");

  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final InputStream in = System.in;

  @AfterEach
  void standardInput() {
    System.setIn(in);
  }

  private int run(String... args) {
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private void type(String text) {
    System.setIn(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  private String script(String... lines) throws IOException {
    return Files.write(dir.resolve("script"), List.of(lines)).toString();
  }

  private static Stream<Arguments> examples() throws IOException {
    try (Stream<Path> files = Files.list(EXAMPLES)) {
      List<Path> all = files.sorted().toList();
      assertThat(all).hasSizeGreaterThan(1);
      return all.stream()
          .flatMap(
              file ->
                  Stream.of("model:intel", "model:amd")
                      .map(machine -> Arguments.of(file.toString(), machine)));
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void everyExampleHolds(String file, String machine) {
    assertThat(run("run", file, "--machine", machine)).as("%s%n%s", out, err).isZero();
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void theFirstFailureEndsAScriptAndIsToldWithItsLine() throws IOException {
    String script = script("echo before", "", "# comment", "detach edu0", "echo after");

    assertThat(run("run", script)).isEqualTo(1);
    assertThat(out.toString()).isEqualTo("before" + System.lineSeparator());
    assertThat(err.toString()).startsWith("vmmctl: " + script + ":4: ENOENT: ").hasLineCount(1);
  }

  @Test
  void aLineThatCannotBeUnderstoodIsAUsageError() throws IOException {
    String script = script("frobnicate");

    assertThat(run("run", script)).isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo(
            "vmmctl: " + script + ":1: EINVAL: unknown command \"frobnicate\"; see \"help\"\n");
  }

  @Test
  void keepGoingGoesOnAndTheStatusTellsOfIt() throws IOException {
    String script = script("detach edu0", "echo on", "expect off", "echo last");

    assertThat(run("run", "--keep-going", script)).isEqualTo(1);
    assertThat(out.toString().lines()).containsExactly("on", "last");
    assertThat(err.toString().lines().toList())
        .hasSize(3)
        .last()
        .isEqualTo("vmmctl: " + script + ": 2 commands failed");
    err.getBuffer().setLength(0);
    assertThat(run("run", "-k", script("detach edu0"))).isEqualTo(1);
    assertThat(err.toString()).endsWith(": 1 command failed\n");
  }

  @Test
  void aStandardInputThatCannotBeReadIsOneLineAndEverythingIsGivenBack() {
    System.setIn(
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("Bad file descriptor");
          }
        });
    assertThat(run("run", "-")).isEqualTo(1);
    assertThat(err.toString())
        .startsWith("vmmctl: EIO: no more commands can be read: Bad file descriptor")
        .hasLineCount(1);
  }

  @Test
  void traceShowsTheLines() throws IOException {
    assertThat(run("run", "-x", script("", "  echo 'a  b'  # c"))).isZero();
    assertThat(out.toString().lines()).containsExactly("+ echo 'a  b'  # c", "a  b");
  }

  @Test
  void aScriptComesFromTheStandardInputToo() {
    type("echo hello\nexit\nfrobnicate\n");

    assertThat(run("run", "-")).as(err.toString()).isZero();
    assertThat(out.toString()).isEqualTo("hello" + System.lineSeparator());
    type("frobnicate");
    assertThat(run("run", "-")).isEqualTo(2);
    assertThat(err.toString()).startsWith("vmmctl: standard input:1: EINVAL: ");
  }

  @Test
  void aScriptThatIsNotThereIsRefusedBeforeAMachineIsStarted() throws IOException {
    String absent = dir.resolve("absent").toString();
    assertThat(run("run", absent, "--machine", "fake:dead")).isEqualTo(2);
    assertThat(err.toString())
        .isEqualTo(
            "vmmctl: ENOENT: cannot read the script "
                + absent
                + ": there is no such file; name a text file\n");
    err.getBuffer().setLength(0);
    Path binary = Files.write(dir.resolve("binary"), new byte[] {(byte) 0xc3, 0x28});
    assertThat(run("run", binary.toString(), "--machine", "fake:dead")).isEqualTo(2);
    assertThat(err.toString()).contains("no UTF-8 text").hasLineCount(1);
  }

  @Test
  void aMachineThatDoesNotComeUpIsOneLineAndAFailure() throws IOException {
    assertThat(run("run", script("echo never"), "--machine", "fake:dead")).isEqualTo(1);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString()).startsWith("vmmctl: ETIMEDOUT: ").hasLineCount(1);
  }

  @Test
  void withoutAnIommuPassThroughIsRefusedAndPlainVmsWork() throws IOException {
    String script =
        script(
            "vm create a -M 64K",
            "poke --vm a 0x1000 text",
            "peek --vm a 0x1000 4 -s",
            "expect '\"text\"'",
            "expect-error ENXIO attach 00:05.0",
            "expect 'I/O MMU is not present or is disabled'");

    assertThat(run("run", script, "--machine", "fake:plain")).as("%s", err).isZero();
  }

  @Test
  void tunablesOfTheCommandLineHold() throws IOException {
    String script = script("sysctl hw.vmm.ppt.home", "expect host");

    assertThat(run("run", script, "-t", "hw.vmm.ppt.home=host")).isZero();
    assertThat(run("run", script, "-t", "hw.vmm.ppt.hom=host")).isEqualTo(1);
    assertThat(err.toString()).startsWith("vmmctl: warning: unknown tunable hw.vmm.ppt.hom ");
  }

  @Test
  void inAShellAnErrorEndsNothing() {
    type("vm create a\nfrobnicate\ndetach edu0\nvm list\n");

    assertThat(run("shell")).isZero();
    assertThat(out.toString().lines())
        .hasSize(2)
        .allMatch(line -> line.startsWith("vm a: 64M at gpa 0x0"));
    assertThat(err.toString().lines().toList())
        .hasSize(2)
        .first()
        .isEqualTo("vmmctl: EINVAL: unknown command \"frobnicate\"; see \"help\"");
  }

  @Test
  void exitEndsAShell() {
    type("echo a\nexit\necho b\n");

    assertThat(run("shell", "--machine", "model:amd")).isZero();
    assertThat(out.toString().lines()).containsExactly("a");
    assertThat(err.toString()).isEmpty();
  }
}
