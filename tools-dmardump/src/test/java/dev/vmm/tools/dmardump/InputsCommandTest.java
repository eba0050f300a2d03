package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a user may name, as a user names it; and {@code dmardump save}. */
final class InputsCommandTest {
  private static final String EXPECTED =
      "expected raw ACPI tables, the text of acpidump, a folder of tables or a snapshot";

  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private String errors() {
    return String.join(
        "\n", err.toString().lines().filter(line -> !line.contains("warning: ")).toList());
  }

  private static byte[] table(String signature, int length) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(signature.getBytes(StandardCharsets.US_ASCII)).putInt(length);
    int sum = 0;
    for (byte b : bytes.array()) {
      sum += b;
    }
    bytes.put(9, (byte) -sum);
    return bytes.array();
  }

  private static String acpidump(String signature, byte[] bytes) {
    StringBuilder text = new StringBuilder(signature + " @ 0x00000000BAFE0000\n");
    for (int at = 0; at < bytes.length; at += 16) {
      text.append(String.format(Locale.ROOT, "    %04X:", at));
      for (int i = at; i < Math.min(at + 16, bytes.length); i++) {
        text.append(String.format(Locale.ROOT, " %02X", bytes[i]));
      }
      text.append("  ................\n");
    }
    return text.append('\n').toString();
  }

  private Path file(String name, byte[]... parts) throws IOException {
    Path file = Files.write(dir.resolve(name), new byte[0]);
    for (byte[] part : parts) {
      Files.write(file, part, java.nio.file.StandardOpenOption.APPEND);
    }
    return file;
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(dir)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  @Test
  void severalTablesInOneFileAreShownAndOthersPassedOver() throws IOException {
    Path file = file("two", table("TEST", 40), table("APIC", 44), table("TEST", 48));

    assertThat(run(file.toString())).isZero();
    assertThat(out.toString())
        .containsSubsequence(
            "TEST (" + file + ") 40 bytes, checksum good:",
            "\n\nTEST (" + file + " at 0x54) 48 bytes, checksum good:")
        .doesNotContain("APIC");
  }

  @Test
  void theTextOfAcpidumpIsShownByTableAndLine() throws IOException {
    String text = acpidump("APIC", table("APIC", 44)) + acpidump("TEST", table("TEST", 40));
    Path file = file("dump.txt", text.getBytes(StandardCharsets.US_ASCII));

    assertThat(run(file.toString())).isZero();
    assertThat(out.toString()).startsWith("TEST (" + file + ", line 6) 40 bytes, checksum good:");
    assertThat(errors()).isEmpty();
  }

  @Test
  void tablesOfNoIommuAreAllNamed() throws IOException {
    String text = acpidump("APIC", table("APIC", 44)) + acpidump("HPET", table("HPET", 56));
    Path file = file("dump.txt", text.getBytes(StandardCharsets.US_ASCII));

    assertThat(run(file.toString())).isEqualTo(1);
    assertThat(errors())
        .startsWith(
            "dmardump: ENXIO: "
                + file
                + " describes no I/O MMU: none of its 2 tables (APIC, HPET) is one that a back end"
                + " here decodes (")
        .contains("TEST");
  }

  @Test
  void aFolderIsReadAndWhatIsNoTableInItIsTold() throws IOException {
    Files.createDirectory(dir.resolve("dynamic"));
    file("A", table("TEST", 40));
    file("B", "hello".getBytes(StandardCharsets.US_ASCII));
    file("C", Arrays.copyOf(table("TEST", 48), 40));
    file("D", table("TEST", 52));

    assertThat(run(dir.toString())).isZero();
    assertThat(out.toString())
        .containsSubsequence(
            "note: " + dir + "/B is left out: it is no ACPI table",
            "note: " + dir + "/C is left out: ACPI table",
            "note: " + dir + "/dynamic is left out: it is no ordinary file",
            "\n\nTEST (" + dir + "/A) 40 bytes",
            "\n\nTEST (" + dir + "/D) 52 bytes");
  }

  @Test
  void anEmptyFolderIsRefused() {
    assertThat(run(dir.toString())).isEqualTo(2);
    assertThat(errors())
        .isEqualTo("dmardump: EINVAL: " + dir + " holds no ACPI table: " + EXPECTED);
  }

  @Test
  void withoutAnyNameItIsTheHost() {
    run();
    // What it has, and who may read it, is this machine's.
    assertThat(out + errors()).contains("/sys/firmware/acpi/tables");
  }

  @Test
  void theStandardInputIsRecognisedToo() {
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(table("TEST", 40)));
      assertThat(run("-")).isZero();
    } finally {
      System.setIn(before);
    }
    assertThat(out.toString()).startsWith("TEST (standard input) 40 bytes");
  }

  @Test
  void whatIsNothingKnownIsRefusedWithWhatWasExpected() throws IOException {
    Path file = file("x", "hello, world".getBytes(StandardCharsets.US_ASCII));

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(errors())
        .isEqualTo(
            "dmardump: EINVAL: "
                + file
                + " is nothing that is known here: it begins with the bytes 68 65 6c 6c 6f 2c 20 77:"
                + " "
                + EXPECTED);
  }

  @Test
  void aSavedMachineIsShownLikeTheLiveOne() throws IOException {
    Path file = dir.resolve("a.snapshot");

    assertThat(run("save", file.toString(), "--machine", "model:intel")).isZero();
    assertThat(out.toString()).isEmpty();
    assertThat(errors()).isEmpty();
    assertThat(files()).containsExactly("a.snapshot");
    assertThat(run("--machine", "model:intel", "-v")).isZero();
    String live = out.toString();
    assertThat(run("-v", file.toString())).isZero();
    assertThat(out.toString())
        .startsWith("note: a snapshot of the machine model:intel, saved by dmardump ")
        .endsWith("\n" + live);
    assertThat(run("-v", "--machine", "snapshot:" + file)).isZero();
    assertThat(out.toString()).isEqualTo(live);
  }

  @Test
  void aSnapshotComesThroughAPipeToo() throws IOException {
    Path file = dir.resolve("a.snapshot");
    assertThat(run("save", file.toString(), "--machine", "model:intel")).isZero();
    InputStream before = System.in;
    try {
      System.setIn(new ByteArrayInputStream(Files.readAllBytes(file)));
      assertThat(run("-")).isZero();
    } finally {
      System.setIn(before);
    }
    assertThat(out.toString()).contains("drhd @ 0xfed90000");
  }

  @Test
  void savingAMachineWithoutIommuLeavesNoFile() throws IOException {
    assertThat(run("save", dir.resolve("a").toString(), "--machine", "model:none")).isEqualTo(1);
    assertThat(errors()).startsWith("dmardump: ENXIO: machine model:none has no I/O MMU to save");
    assertThat(files()).isEmpty();
  }

  @Test
  void savingWhereNothingCanBeWrittenIsOneLine() throws IOException {
    assertThat(run("save", dir.toString(), "--machine", "model:intel")).isEqualTo(2);
    assertThat(errors()).contains("not an ordinary file").hasLineCount(1);
    assertThat(run("save", dir.resolve("b/a").toString(), "-m", "model:intel")).isEqualTo(2);
    assertThat(errors()).contains("its folder is not there").hasLineCount(1);
    assertThat(run("save", "", "-m", "model:intel")).isEqualTo(2);
    assertThat(errors()).contains("is no file name").hasLineCount(1);
    assertThat(files()).isEmpty();
  }

  @Test
  void savingNeedsAMachine() {
    assertThat(run("save", dir.resolve("a").toString())).isEqualTo(2);
    assertThat(errors()).contains("--machine", "dmardump save --help").hasLineCount(1);
  }

  @Test
  void aSnapshotThatWasCutIsOneLine() throws IOException {
    Path file = dir.resolve("a");
    assertThat(run("save", file.toString(), "--machine", "model:intel")).isZero();
    byte[] whole = Files.readAllBytes(file);
    Files.write(file, Arrays.copyOf(whole, whole.length / 2));

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(errors())
        .startsWith("dmardump: EINVAL: " + file + " is no whole snapshot: ")
        .hasLineCount(1);
  }
}
