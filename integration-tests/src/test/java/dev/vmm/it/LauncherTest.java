package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The scripts that users start the tools with, on the jars that this build has made. */
final class LauncherTest {
  private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

  @TempDir Path folder;

  @Test
  void aShellTakesCommandsFromAPipe() throws Exception {
    requireJar("vmmctl");
    Path input = Files.writeString(folder.resolve("in"), "vm create a\nvm list\nexit\n");
    String shown = "vm a: 64M at gpa 0x0 (hpa 0x1000000); devices: none" + System.lineSeparator();

    assertThat(run("vmmctl", "shell", input.toFile())).isEqualTo(shown + shown);
  }

  /** Twice: the first start may archive class data, the second uses it. */
  @ParameterizedTest
  @CsvSource({"vmmctl,demo", "dmardump,lint"})
  void aToolStartsByItsScriptAndSaysNothingBeside(String tool, String command) throws Exception {
    requireJar(tool);
    for (int i = 0; i < 2; i++) {
      assertThat(run(tool, "--help", new File("/dev/null")))
          .as("standard output")
          .contains("Usage: " + tool, command);
    }
  }

  private static void requireJar(String tool) {
    Path jar = ROOT.resolve("tools-" + tool).resolve("target").resolve(tool + ".jar");
    if (System.getenv("CI") == null) {
      assumeTrue(Files.exists(jar), () -> jar + " is made by 'mvn verify', not by 'mvn test'");
    }
    assertThat(jar).exists();
  }

  private String run(String tool, String argument, File input)
      throws IOException, InterruptedException {
    // Should the script take the jar for old, it must not build in the midst of this build.
    Path maven = Files.createDirectories(folder.resolve("bin")).resolve("mvn");
    Files.writeString(maven, "#!/bin/sh\necho 'the jar is older than the sources' >&2\nexit 1\n");
    assertThat(maven.toFile().setExecutable(true)).isTrue();
    Path out = folder.resolve("out");
    Path err = folder.resolve("err");
    ProcessBuilder builder =
        new ProcessBuilder(ROOT.resolve(tool).toString(), argument)
            .redirectInput(input)
            .redirectOutput(out.toFile())
            .redirectError(err.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder
        .environment()
        .merge("PATH", maven.getParent().toString(), (old, own) -> own + ":" + old);
    Process process = builder.start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("the tool ends").isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    assertThat(err).as("standard error").hasContent("");
    assertThat(process.exitValue()).isZero();
    return Files.readString(out);
  }
}
