package dev.vmm.testing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.StructureReport;
import dev.vmm.iommu.inspect.TableReport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code iasl -d}, which others wrote, prints of a table: values by offset, and where the
 * parts with a given label begin.
 */
public final class Iasl {
  private static final Pattern LINE =
      Pattern.compile("\\[([0-9A-F]+)h \\d+ +([0-9A-F]+h?)\\] +(.*?) : (.*)");

  private final Map<Integer, String> values = new TreeMap<>();
  private final Map<Integer, Integer> widths = new TreeMap<>();
  private final Map<String, List<Integer>> labels = new TreeMap<>();
  private final List<String> lines = new ArrayList<>();

  private final Set<Integer> unknown = new TreeSet<>();

  private Iasl() {}

  /** Disassembles one table, as {@link #disassemble(Path, Map)}. */
  public static Iasl disassemble(Path folder, byte[] table) throws Exception {
    return disassemble(folder, Map.of("table.bin", table)).get("table.bin");
  }

  /**
   * Disassembles tables by file name, in one process. Where there is no iasl, skips the test,
   * saying so; with {@code CI=true} in the environment that is a failure.
   *
   * @param tables by names that end in {@code .bin}
   */
  public static Map<String, Iasl> disassemble(Path folder, Map<String, byte[]> tables)
      throws Exception {
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
      result.line(line);
    }
    return result;
  }

  private void line(String line) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      if (line.contains("****")) {
        lines.add(line.strip());
      }
      return;
    }
    int offset = Integer.parseInt(matcher.group(1), 16);
    String label = matcher.group(3);
    String value = matcher.group(4);
    lines.add(label.strip() + " : " + value.strip());
    labels.computeIfAbsent(label, l -> new ArrayList<>()).add(offset);
    if (value.contains("[Unknown")) {
      unknown.add(offset);
    }
    // Later versions give the width in hex, too.
    String width = matcher.group(2);
    widths.put(
        offset,
        width.endsWith("h")
            ? Integer.parseInt(width.substring(0, width.length() - 1), 16)
            : Integer.parseInt(width));
    // What a value means stands in brackets after it.
    values.put(
        offset,
        value.startsWith("\"")
            ? value.substring(0, value.lastIndexOf('"') + 1)
            : value.replaceAll(" +\\[.*", "").strip());
  }

  /** Returns the values, without their meaning, by offset. */
  public Map<Integer, String> values() {
    return values;
  }

  /** Returns the offsets of the fields with this label, in order. */
  public List<Integer> offsetsOf(String label) {
    return labels.getOrDefault(label, List.of());
  }

  /** Returns the number at an offset. */
  public long number(int offset) {
    return Long.parseUnsignedLong(values.get(offset), 16);
  }

  /** Returns the width in bytes of the field at an offset. */
  public int width(int offset) {
    return widths.get(offset);
  }

  /**
   * Returns where structures begin whose type it does not know. Of such a one it prints no more
   * than the beginning; in a DMAR it is the last that it prints.
   */
  public Set<Integer> unknown() {
    return unknown;
  }

  /** Returns {@code label : value [meaning]} of each field, and its own complaints ("****"). */
  public List<String> lines() {
    return lines;
  }

  /** Checks that whatever iasl says of a field, the report says too. */
  public void assertSameFields(TableReport report, String file) {
    TreeMap<Integer, FieldReport> fields = new TreeMap<>();
    report.header().forEach(field -> fields.put(field.offset(), field));
    for (StructureReport structure : report.structures()) {
      structure.fields().forEach(field -> fields.put(field.offset(), field));
      for (StructureReport child : structure.children()) {
        child.fields().forEach(field -> fields.put(field.offset(), field));
      }
    }
    for (Map.Entry<Integer, String> entry : values.entrySet()) {
      FieldReport field = fields.floorEntry(entry.getKey()).getValue();
      assertThat(said(entry.getKey(), entry.getValue(), field))
          .as("%s of %s at 0x%x", field.name(), file, entry.getKey())
          .isEqualTo(entry.getValue());
    }
  }

  /** Returns a field of the report in the form in which iasl prints it. */
  private String said(int offset, String value, FieldReport field) {
    if (field.raw().startsWith("0x")) {
      assertThat(field.offset()).isEqualTo(offset);
      // iasl may show a field and the reserved ones after it as one number.
      return String.format(
          "%0" + 2 * width(offset) + "X", Long.parseUnsignedLong(field.raw().substring(2), 16));
    }
    byte[] bytes = HexFormat.ofDelimiter(" ").parseHex(field.raw());
    int from = offset - field.offset();
    if (value.startsWith("\"")) {
      return field.meaning();
    } else if (value.contains(",")) {
      return String.format("%02X,%02X", bytes[from], bytes[from + 1]);
    } else if (value.contains(" ")) {
      return field.raw();
    }
    StringBuilder number = new StringBuilder();
    for (int i = width(offset) - 1; i >= 0; i--) {
      number.append(String.format("%02X", bytes[from + i]));
    }
    return number.toString();
  }
}
