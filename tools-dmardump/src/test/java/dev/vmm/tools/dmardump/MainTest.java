package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The command as a user runs it. The test's class path has a broken, a missing and a good back end.
 */
final class MainTest {
  /** Signature TEST, Length 0x28, Revision 2, a checksum that makes the sum 0, then 4 bytes. */
  private static final String GOOD =
      "54455354"
          + "28000000"
          + "02"
          + "60"
          + "564d4d564d4d"
          + "5445535454455354"
          + "00000000"
          + "564d4d20"
          + "00000000"
          + "01020304";

  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(dir.resolve(name), bytes);
  }

  private static byte[] good() {
    byte[] bytes = HexFormat.of().parseHex(GOOD);
    bytes[9] = 0;
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    bytes[9] = (byte) -sum;
    return bytes;
  }

  /** The lines on the standard error, the warnings about broken back ends left out. */
  private String errors() {
    return String.join(
        "\n", err.toString().lines().filter(line -> !line.contains("warning: ")).toList());
  }

  @Test
  void aGoodTableIsDecodedByTheBackEndThatKnowsItsSignature() throws IOException {
    Path file = file("table", good());

    assertThat(run(file.toString())).isZero();
    assertThat(out.toString())
        .isEqualTo(
            "TEST ("
                + file
                + ") 40 bytes, checksum good:\n"
                + "    Revision  0x2\n"
                + "    BODY at offset 0x24, 4 bytes\n");
    assertThat(errors()).isEmpty();
  }

  @Test
  void aBrokenBackEndIsAWarningAndTheOthersGoOn() throws IOException {
    assertThat(run(file("table", good()).toString())).isZero();
    assertThat(err.toString().lines())
        .hasSize(2)
        .allMatch(line -> line.startsWith("dmardump: warning: a back end cannot be loaded"))
        .anyMatch(line -> line.contains("BrokenBackend"))
        .anyMatch(line -> line.contains("NoSuchBackend"));
  }

  @Test
  void everyFileIsTriedAndTheWorstStatusIsReturned() throws IOException {
    String good = file("good", good()).toString();

    assertThat(run(good, dir.resolve("absent").toString(), good)).isEqualTo(2);
    assertThat(out.toString()).containsSubsequence("TEST (", "\n\nTEST (");
    assertThat(errors())
        .isEqualTo(
            "dmardump: ENOENT: there is no file "
                + dir.resolve("absent")
                + "; name raw ACPI tables, the text of acpidump, a folder of tables or a snapshot");
  }

  @Test
  void aWrongChecksumIsShownAndReported() throws IOException {
    byte[] bytes = good();
    bytes[9]++;
    Path file = file("table", bytes);

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(out.toString()).contains("40 bytes, checksum wrong:").contains("BODY at offset");
    assertThat(errors())
        .isEqualTo(
            "dmardump: EINVAL: "
                + file
                + " has a wrong checksum at offset 0x9: its 40 bytes must add up to 0; the file may"
                + " be damaged");
  }

  @Test
  void aProblemInsideIsShownAndReported() throws IOException {
    byte[] bytes = good();
    bytes[9] -= 0x65;
    bytes[36] += 0x65;
    Path file = file("table", bytes);

    assertThat(run(file.toString())).isEqualTo(1); // it was read, and all of it is shown
    assertThat(out.toString()).contains("    problem: offset 0x24: an odd byte\n");
    assertThat(errors())
        .isEqualTo("dmardump: EINVAL: " + file + " has a problem: offset 0x24: an odd byte");
  }

  @Test
  void anEmptyFileIsRefused() throws IOException {
    Path file = file("empty", new byte[0]);

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(errors())
        .isEqualTo(
            "dmardump: EINVAL: "
                + file
                + " is empty: expected raw ACPI tables, the text of acpidump, a folder of tables or a"
                + " snapshot");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void aTruncatedFileIsRefusedWithBothLengths() throws IOException {
    Path file = file("cut", java.util.Arrays.copyOf(good(), 38));

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(errors())
        .startsWith("dmardump: EINVAL: ACPI table (" + file + ")")
        .contains("40 bytes long", "36 to 38");
  }

  @Test
  void anUnknownSignatureListsTheKnownOnes() throws IOException {
    byte[] bytes = good();
    bytes[0] = 'B';
    Path file = file("best", bytes);

    assertThat(run(file.toString())).isEqualTo(2);
    assertThat(errors())
        .isEqualTo(
            "dmardump: EINVAL: "
                + file
                + " has the signature \"BEST\" at offset 0x0: expected "
                + known()
                + "; name a raw ACPI table of an I/O MMU");
  }

  private static String known() {
    return String.join(" or ", Inspectors.load().signatures());
  }

  @Test
  void anEmptyNameIsNoFile() {
    assertThat(run("")).isEqualTo(2);
    assertThat(errors()).contains("dmardump: EINVAL: \"\" is no file name");
  }

  @Test
  void anEndlessFileIsReadOnlySoFar() {
    assertThat(run("/dev/zero")).isEqualTo(2);
    assertThat(errors()).contains("/dev/zero is longer than 0x1000000 bytes");
  }

  @Test
  void filesAndAMachineTogetherAreAUsageError() {
    assertThat(run("table", "--machine", "qemu:intel")).isEqualTo(2);
    assertThat(errors()).contains("either files or --machine, not both");
  }

  @Test
  void anUnknownOptionIsOneLine() {
    assertThat(run("--bogus")).isEqualTo(2);
    assertThat(errors()).startsWith("dmardump: EINVAL: ").contains("--bogus").hasLineCount(1);
  }

  @Test
  void aMachineOfAnUnknownSchemeIsRefused() {
    assertThat(run("--machine", "abacus:wood")).isEqualTo(2);
    assertThat(errors())
        .startsWith("dmardump: EINVAL: unknown machine \"abacus:wood\": known are ")
        .hasLineCount(1);
  }

  @Test
  void colourIsThereOnlyWhenAskedForOrOnATerminal() throws IOException {
    String file = file("table", good()).toString();

    run("--color=always", file);
    assertThat(out.toString()).contains("\u001b[1mTEST");
    out.getBuffer().setLength(0);
    run("--color=NEVER", file);
    assertThat(out.toString()).doesNotContain("\u001b");
    out.getBuffer().setLength(0);
    assertThat(run("--color=sometimes", file)).isEqualTo(2);
    assertThat(errors()).contains("auto, always, never");
  }

  @Test
  void helpAndVersionSucceed() {
    assertThat(run("--help")).isZero();
    assertThat(out.toString()).contains("Usage: dmardump", "--machine", "Exit status:");
    out.getBuffer().setLength(0);
    assertThat(run("--version")).isZero();
    assertThat(out.toString()).matches("dmardump \\d+\\.\\d+\\.\\d+\\S* \\(Java \\d+\\)\\R");
  }
}
