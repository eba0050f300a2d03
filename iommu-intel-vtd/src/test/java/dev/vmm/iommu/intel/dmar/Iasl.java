package dev.vmm.iommu.intel.dmar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What {@code iasl -d} prints of a table: values by offset, where structures and scopes begin. */
final class Iasl {
  private static final Pattern LINE =
      Pattern.compile("\\[([0-9A-F]+)h \\d+ +([0-9A-F]+h?)\\] +(.*?) : (.*)");

  final Map<Integer, String> values = new TreeMap<>();
  final List<Integer> structures = new ArrayList<>();
  final List<Integer> scopes = new ArrayList<>();

  /** Whether it met a type that it does not know; it is the last of the structures then. */
  boolean unknown;

  private final Map<Integer, Integer> widths = new TreeMap<>();

  private Iasl() {}

  /**
   * Disassembles tables by file name, in one process. Where there is no iasl, skips the test,
   * saying so; in CI that is a failure.
   */
  static Map<String, Iasl> disassemble(Path folder, Map<String, byte[]> tables) throws Exception {
    List<String> command = new ArrayList<>(List.of("iasl", "-d"));
    for (Map.Entry<String, byte[]> table : tables.entrySet()) {
      Files.write(folder.resolve(table.getKey()), table.getValue());
      command.add(table.getKey());
    }
    Path output = folder.resolve("output");
    Process iasl;
    try {
      iasl =
          new ProcessBuilder(command)
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
    assertThat(iasl.exitValue())
        .as(Files.readString(output, StandardCharsets.ISO_8859_1))
        .isEqualTo(0);
    Map<String, Iasl> result = new TreeMap<>();
    for (String name : tables.keySet()) {
      result.put(name, read(folder.resolve(name.replaceAll("\\.bin$", ".dsl"))));
    }
    return result;
  }

  private static Iasl read(Path text) throws IOException {
    Iasl result = new Iasl();
    for (String line : Files.readAllLines(text, StandardCharsets.ISO_8859_1)) {
      Matcher matcher = LINE.matcher(line);
      if (!matcher.matches()) {
        continue;
      }
      int offset = Integer.parseInt(matcher.group(1), 16);
      String label = matcher.group(3);
      String value = matcher.group(4);
      if (label.equals("Subtable Type")) {
        result.structures.add(offset);
        result.unknown |= value.contains("Unknown");
      } else if (label.equals("Device Scope Type")) {
        result.scopes.add(offset);
      }
      // Later versions give the width in hex, too.
      String width = matcher.group(2);
      result.widths.put(
          offset,
          width.endsWith("h")
              ? Integer.parseInt(width.substring(0, width.length() - 1), 16)
              : Integer.parseInt(width));
      // What a value means stands in brackets after it.
      result.values.put(
          offset,
          value.startsWith("\"")
              ? value.substring(0, value.lastIndexOf('"') + 1)
              : value.replaceAll(" +\\[.*", "").strip());
    }
    return result;
  }

  long number(int offset) {
    return Long.parseUnsignedLong(values.get(offset), 16);
  }

  int width(int offset) {
    return widths.get(offset);
  }
}
