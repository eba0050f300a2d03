package dev.vmm.tools.dmardump.input;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What is in a file says what it is. */
final class RecognitionTest {
  /** Tables of real machines, found beside the checkout; the system property moves it. */
  private static final Path CORPUS =
      Path.of(System.getProperty("vmm.acpi.corpus", "../../shared/acpi-corpus"));

  @TempDir Path dir;

  private static byte[] table(String signature, int length) {
    ByteBuffer bytes = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put(signature.getBytes(StandardCharsets.ISO_8859_1)).putInt(length);
    for (int i = AcpiTable.HEADER_BYTES; i < length; i++) {
      bytes.put(i, (byte) (i * 7));
    }
    return bytes.array();
  }

  private static Input.Tables read(byte[] bytes) {
    return (Input.Tables) Inputs.recognise("FILE", bytes);
  }

  private static Input.Tables read(String text) {
    return read(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static List<String> names(Input.Tables input) {
    return input.tables().stream()
        .map(table -> table.signature() + " " + table.lengthBytes())
        .toList();
  }

  private static void assertRefused(byte[] bytes, String... words) {
    assertThatThrownBy(() -> read(bytes))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("FILE")
        .hasMessageContainingAll(words);
  }

  private static byte[] join(byte[]... parts) {
    int length = Arrays.stream(parts).mapToInt(part -> part.length).sum();
    ByteBuffer all = ByteBuffer.allocate(length);
    for (byte[] part : parts) {
      all.put(part);
    }
    return all.array();
  }

  /** The style of a program: how it indents, writes digits and pads. */
  private static String dump(String heading, byte[] bytes, String line, String digits) {
    StringBuilder text = new StringBuilder(heading).append('\n');
    for (int at = 0; at < bytes.length; at += 16) {
      text.append(String.format(Locale.ROOT, line, at));
      StringBuilder ascii = new StringBuilder();
      for (int i = at; i < at + 16; i++) {
        text.append(i < bytes.length ? String.format(Locale.ROOT, digits, bytes[i]) : "   ");
        if (i < bytes.length) {
          ascii.append(bytes[i] > 0x20 && bytes[i] < 0x7f ? (char) bytes[i] : '.');
        }
      }
      text.append("  ").append(ascii).append('\n');
    }
    return text.append('\n').toString();
  }

  private static String dump(String signature, byte[] bytes) {
    return dump(signature + " @ 0x00000000BAFE0000", bytes, "    %04X:", " %02X");
  }

  @Test
  void oneTableAndTablesOneAfterAnother() {
    Input.Tables one = read(table("DMAR", 100));
    assertThat(names(one)).containsExactly("DMAR 100");
    assertThat(one.single()).isTrue();
    assertThat(one.tables().get(0).origin()).isEqualTo("FILE");

    Input.Tables three = read(join(table("DMAR", 100), table("IVRS", 36), table("OEM ", 40)));
    assertThat(names(three)).containsExactly("DMAR 100", "IVRS 36", "OEM 40");
    assertThat(three.single()).isFalse();
    assertThat(three.tables().get(2).origin()).isEqualTo("FILE at 0x88");
    assertThat(three.notes()).isEmpty();
  }

  @Test
  void whatFollowsTheLastTableIsToldUnlessItIsPadding() {
    assertThat(read(join(table("DMAR", 100), new byte[500])).notes()).isEmpty();
    assertThat(read(join(table("DMAR", 100), new byte[] {1, 2})).notes())
        .containsExactly("FILE: the 0x2 bytes from 0x64 on are no table and are left out");
    assertThat(read(join(table("DMAR", 100), Arrays.copyOf(table("IVRS", 60), 59))).notes())
        .containsExactly("FILE: the 0x3b bytes from 0x64 on are no table and are left out");
  }

  @Test
  void aDamagedFirstTableIsRefused() {
    assertRefused(Arrays.copyOf(table("DMAR", 100), 99), "100 bytes long", "36 to 99");
    assertRefused(Arrays.copyOf(table("DMAR", 100), 20), "20 bytes long");
  }

  @Test
  void bothStylesOfAcpidumpAndOlderOnes() {
    byte[] dmar = table("DMAR", 100);
    byte[] ivrs = table("IVRS", 64);
    for (String[] style :
        new String[][] {
          {"%s @ 0x00000000BAFE0000", "    %04X:", " %02X"},
          {"%s @ 0xbafe0000", "  %04x:", " %02x"},
          {"%s @ (nil)", "%08x:", " %02x"},
          {"%s @ 0x0000000000000000", "\t%05X:", " %02X"}
        }) {
      String text =
          dump(String.format(style[0], "DMAR"), dmar, style[1], style[2])
              + dump(String.format(style[0], "IVRS"), ivrs, style[1], style[2]);
      for (String variant : new String[] {text, text.replace("\n", "\r\n"), text.strip()}) {
        Input.Tables input = read(variant);
        assertThat(names(input)).as(variant).containsExactly("DMAR 100", "IVRS 64");
        assertThat(input.tables().get(0).toBytes()).isEqualTo(dmar);
        assertThat(input.tables().get(1).toBytes()).isEqualTo(ivrs);
        assertThat(input.tables().get(1).origin()).isEqualTo("FILE, line 10");
        assertThat(input.notes()).isEmpty();
        assertThat(input.single()).isFalse();
      }
    }
  }

  @Test
  void charactersThatLookLikeBytesAreNotBytes() {
    byte[] bytes = table("DMAR", 38);
    bytes[36] = 'A';
    bytes[37] = 'B';
    String text = dump("DMAR", bytes).replace("  AB\n", "  AB CD EF\n");
    assertThat(read(text).tables().get(0).toBytes()).isEqualTo(bytes);
    assertThat(read(text.replaceAll(" {20,}", "  ")).tables().get(0).toBytes()).isEqualTo(bytes);
  }

  @Test
  void aBugReportAroundTheTablesIsPassedOver() {
    String text = "My VM does not start:\n\n" + dump("DMAR", table("DMAR", 40)) + "Thanks @ all\n";
    assertThat(names(read(text))).containsExactly("DMAR 40");
  }

  @Test
  void theRootPointerIsNoTableAndNoMistake() {
    Input.Tables input = read(dump("RSD PTR ", new byte[36]) + dump("DMAR", table("DMAR", 40)));
    assertThat(names(input)).containsExactly("DMAR 40");
    assertThat(input.notes()).isEmpty();
  }

  @Test
  void aTableWithAGapIsLeftOutAndTheOthersAreKept() {
    String dmar = dump("DMAR", table("DMAR", 100));
    String gap = dmar.replaceFirst("    0020:.*\n", "");
    Input.Tables input = read(gap + dump("IVRS", table("IVRS", 64)));
    assertThat(names(input)).containsExactly("IVRS 64");
    assertThat(input.notes())
        .containsExactly(
            "FILE, line 1: table DMAR is left out: line 4 gives bytes at 0x30: expected those at 0x20");
    assertRefused(gap.getBytes(StandardCharsets.US_ASCII), "no ACPI table", "line 4");
    assertRefused(
        dmar.replace("    0020:", "    FFFFFFFFFFFFFFFF0020:").getBytes(StandardCharsets.US_ASCII),
        "an offset of more than 32 bits");
    assertRefused(
        dmar.replace("    0020:", "    FFFFFFF0:").getBytes(StandardCharsets.US_ASCII),
        "0xfffffff0");
  }

  @Test
  void aTableThatIsCutOrIsAnotherIsLeftOut() {
    String dmar = dump("DMAR", table("DMAR", 100));
    Input.Tables input = read(dmar.substring(0, 250) + "\n\n" + dump("APIC", table("APIC", 40)));
    assertThat(names(input)).containsExactly("APIC 40");
    assertThat(input.notes()).hasSize(1);
    assertThat(read(dump("FFFF", new byte[40]) + dmar).notes().get(0))
        .startsWith("FILE, line 1: table FFFF is left out: ");
    assertThat(read(dump("IVRS", table("SSDT", 40)) + dmar).notes().get(0))
        .isEqualTo("FILE, line 1: table IVRS is left out: its bytes begin with \"SSDT\"");
  }

  @Test
  void endlessLinesAndNotesAreBounded() {
    String line = "    0000:" + " 44".repeat(1 << 20) + "\n";
    assertRefused(("DMAR @ 0x0\n" + line).getBytes(StandardCharsets.US_ASCII), "16 bytes long");
    String broken = "DMAR @ 0x0\n    0010: 00\n".repeat(1000) + dump("DMAR", table("DMAR", 40));
    List<String> notes = read(broken).notes();
    assertThat(notes).hasSize(21);
    assertThat(notes.get(20)).isEqualTo("and 980 more were left out");
  }

  @Test
  void megabytesOfTextCostLessThanASecondOfTheProcessor() {
    byte[] text = dump("DMAR", table("DMAR", 3 << 20)).getBytes(StandardCharsets.US_ASCII);
    assertThat(text.length).isGreaterThan(12 << 20);
    ThreadMXBean thread = ManagementFactory.getThreadMXBean();
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 3; i++) {
      long start = thread.getCurrentThreadCpuTime();
      assertThat(names(read(text))).containsExactly("DMAR " + (3 << 20));
      best = Math.min(best, thread.getCurrentThreadCpuTime() - start);
    }
    assertThat(best).isLessThan(1_000_000_000L);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "D",
        "dmar",
        "hello @ world\n",
        "DMAR @ here\n",
        "\u007fELF",
        "@",
        " @ 0x0",
        "DM\u0000R @ 0x0\n",
        "PKxx"
      })
  void whatIsNothingKnownIsRefused(String text) {
    assertRefused(text.getBytes(StandardCharsets.ISO_8859_1), "expected");
  }

  @Test
  void anEmptyZipIsNoSnapshot() {
    byte[] zip = new byte[22];
    zip[0] = 'P';
    zip[1] = 'K';
    zip[2] = 5;
    zip[3] = 6;
    assertRefused(zip, "no entry manifest.json");
  }

  @Test
  void anEndlessStreamIsReadOnlySoFar() {
    InputStream endless =
        new InputStream() {
          @Override
          public int read() {
            return 'A';
          }

          @Override
          public int read(byte[] target, int offset, int length) {
            Arrays.fill(target, offset, offset + length, (byte) 'A');
            return length;
          }
        };
    assertThatThrownBy(() -> Inputs.open("-", endless))
        .hasMessageContaining("standard input is longer than 0x1000000 bytes");
  }

  @Test
  void randomChangesNeverThrowAnythingElse() {
    byte[] text =
        (dump("DMAR", table("DMAR", 100)) + dump("IVRS", table("IVRS", 64)))
            .getBytes(StandardCharsets.US_ASCII);
    byte[] raw = join(table("DMAR", 100), table("IVRS", 64));
    Random random = new Random(5);
    for (int i = 0; i < 20_000; i++) {
      byte[] bytes = (i % 2 == 0 ? text : raw).clone();
      for (int n = random.nextInt(4); n >= 0; n--) {
        bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
      }
      try {
        Inputs.recognise("FILE", Arrays.copyOf(bytes, random.nextInt(bytes.length + 1)));
      } catch (VmmException e) {
        assertThat(e.errno()).isEqualTo(Errno.EINVAL);
      }
    }
  }

  @Test
  void aFileThatCannotBeReadSaysWhatToDo() {
    assertThat(Inputs.unreadable("X", new java.nio.file.AccessDeniedException("X")))
        .hasMessage("cannot read X: permission denied; run it as root, such as with sudo");
    assertThatThrownBy(
            () -> Inputs.open(dir.resolve("absent").toString(), InputStream.nullInputStream()))
        .hasMessageContaining("there is no file");
  }

  @Test
  void theHostsTablesComeWithANoteThatItsRegistersAreNotRead() throws IOException {
    Files.write(dir.resolve("DMAR"), table("DMAR", 100));
    Files.createDirectory(dir.resolve("dynamic"));

    Input.Tables host = (Input.Tables) Inputs.host(dir);
    assertThat(names(host)).containsExactly("DMAR 100");
    assertThat(host.single()).isFalse();
    assertThat(host.notes())
        .containsExactly(
            "the firmware tables of this host, from "
                + dir
                + "; the registers of its units are not read",
            dir + "/dynamic is left out: it is no ordinary file");
    assertThatThrownBy(() -> Inputs.host(dir.resolve("absent")))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
        .hasMessageStartingWith("this host shows no firmware tables: there is no folder ")
        .hasMessageContaining("--machine");
  }

  @Test
  void everyTableAndDumpOfRealMachinesIsRecognised() throws IOException {
    assumeTrue(
        Files.isDirectory(CORPUS),
        "no tables at " + CORPUS + ": set -Dvmm.acpi.corpus to a folder of real tables");
    try (Stream<Path> files = Files.list(CORPUS)) {
      List<Path> tables = files.filter(file -> file.toString().endsWith(".bin")).toList();
      assertThat(tables).isNotEmpty();
      for (Path file : tables) {
        Input.Tables input =
            (Input.Tables) Inputs.open(file.toString(), new ByteArrayInputStream(new byte[0]));
        assertThat(input.tables()).as(file.toString()).hasSize(1);
        assertThat(input.tables().get(0).lengthBytes()).isEqualTo((int) Files.size(file));
        assertThat(input.tables().get(0).checksumValid()).isTrue();
        assertThat(input.notes()).isEmpty();
      }
    }
    try (Stream<Path> files = Files.list(CORPUS.resolve("acpidump"))) {
      for (Path file : (Iterable<Path>) files::iterator) {
        Input.Tables input =
            (Input.Tables) Inputs.open(file.toString(), new ByteArrayInputStream(new byte[0]));
        assertThat(input.tables()).hasSizeGreaterThan(10);
        assertThat(input.tables().stream().filter(table -> !table.checksumValid()).toList())
            .as(file.toString())
            .allMatch(table -> table.signature().matches("FACS|FFFF"));
      }
    }
  }
}
