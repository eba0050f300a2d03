package dev.vmm.machine.model.acpi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code iasl -d}, which others wrote, reads in a table: one {@code label : value} a line. */
final class Iasl {
  private static final Pattern LINE = Pattern.compile("\\[[0-9A-F]+h .*?\\] +(.*?) : (.*)");

  private Iasl() {}

  /** Disassembles a table; where there is no iasl the test is skipped, but not in CI. */
  static List<String> read(Path folder, byte[] table) throws Exception {
    Files.write(folder.resolve("table.bin"), table);
    Path output = folder.resolve("output");
    Process iasl;
    try {
      iasl =
          new ProcessBuilder("iasl", "-d", "table.bin")
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
    } catch (IOException e) {
      assertThat(System.getenv("CI")).as("CI needs iasl: " + e.getMessage()).isNotEqualTo("true");
      assumeTrue(false, "no iasl on the PATH: install acpica-tools (" + e.getMessage() + ")");
      throw e;
    }
    boolean ended = iasl.waitFor(60, TimeUnit.SECONDS);
    iasl.destroyForcibly();
    assertThat(ended).as("iasl ended in time").isTrue();
    String said = Files.readString(output, StandardCharsets.ISO_8859_1);
    assertThat(iasl.exitValue()).as(said).isZero();
    List<String> lines = new ArrayList<>();
    for (String line :
        Files.readAllLines(folder.resolve("table.dsl"), StandardCharsets.ISO_8859_1)) {
      Matcher matcher = LINE.matcher(line);
      if (matcher.matches()) {
        lines.add(matcher.group(1).strip() + " : " + matcher.group(2).strip());
      } else if (line.contains("*")) {
        // Its own complaints, such as "**** Unknown".
        if (line.contains("****")) {
          lines.add(line.strip());
        }
      }
    }
    return lines;
  }
}
