package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The subcommands and the forms of output, as a user runs them. */
final class CommandsTest {
  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  /** A DMAR of one unit that includes all devices, and a reserved region for 00:02.0. */
  private String dmar(String name, int flags, long base, long limit) throws IOException {
    ByteBuffer table = ByteBuffer.allocate(48 + 16 + 32).order(ByteOrder.LITTLE_ENDIAN);
    table.put("DMAR".getBytes(StandardCharsets.US_ASCII)).putInt(table.capacity());
    table.put((byte) 1).put((byte) 0).put("VMMDEVCOMMANDS".getBytes(StandardCharsets.US_ASCII));
    table.putInt(1).put("VMM ".getBytes(StandardCharsets.US_ASCII)).putInt(1);
    table.put((byte) 38).put((byte) flags).put(new byte[10]);
    table.putShort((short) 0).putShort((short) 16).putInt(1).putLong(0xfed90000L);
    table.putShort((short) 1).putShort((short) 32).putInt(0).putLong(base).putLong(limit);
    table.put((byte) 1).put((byte) 8).put(new byte[4]).put((byte) 2).put((byte) 0);
    byte[] bytes = table.array();
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    bytes[9] = (byte) -sum;
    return Files.write(dir.resolve(name), bytes).toString();
  }

  private String good() throws IOException {
    return dmar("good", 1, 0x7b000000L, 0x7b0fffffL);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-v", "--json", "--color=always", "--raw"})
  void plainCommandLinesDoWhatTheParserDoes(String option) throws IOException {
    String[] args =
        option.isEmpty() ? new String[] {good()} : new String[] {option, good(), dir + "/absent"};
    int plain = run(args);
    String text = out.toString();
    String errors = err.toString();
    assertThat(DumpOptions.plain(args)).isPresent();
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);

    int parsed =
        Tool.run(
            "dmardump", new DmardumpCommand(), args, new PrintWriter(out), new PrintWriter(err));

    assertThat(plain).isEqualTo(parsed);
    assertThat(text).isEqualTo(out.toString()).isNotEmpty();
    assertThat(errors).isEqualTo(err.toString());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"lint", "verify", "diff", "save", "completion", "--help", "-x", "--html", "@file"})
  void whatIsNotPlainIsTheParsers(String word) {
    assertThat(DumpOptions.plain(new String[] {word})).isEmpty();
  }

  @Test
  void everySubcommandIsKnownToThePlainReader() {
    new CommandLine(new DmardumpCommand())
        .getSubcommands()
        .keySet()
        .forEach(name -> assertThat(DumpOptions.plain(new String[] {name})).as(name).isEmpty());
  }

  @Test
  void jsonOfATableFitsTheSchema() throws IOException {
    assertThat(run("--json", good())).isZero();
    assertThat(
            LiveDumpTest.valid(out.toString()).at("/sources/0/tables/0/structures/1/kind").asText())
        .isEqualTo("RMRR");
  }

  @Test
  void lintSaysWhatAndWhereAndFailsForErrors() throws IOException {
    assertThat(run("lint", good())).isZero();
    assertThat(out.toString()).isEqualTo("1 table: no findings\n");
    String bad = dmar("bad", 0, 0x2000, 0x1fff);

    assertThat(run("lint", bad)).isEqualTo(1);
    assertThat(out.toString())
        .contains(
            bad + "+0x40: error DMAR-RMRR-EMPTY: ",
            bad + "+0x25: warning DMAR-NO-INTERRUPT-REMAPPING: ",
            "1 table: 1 error, 1 warning");
    assertThat(run("lint", "--ignore", "DMAR-RMRR-EMPTY", bad)).isZero();
    assertThat(run("lint", "--strict", "--ignore=DMAR-RMRR-EMPTY", bad)).isEqualTo(1);
    assertThat(run("lint", "--json", bad)).isEqualTo(1);
    assertThat(LiveDumpTest.valid(out.toString()).at("/sources/0/findings")).hasSize(2);
    assertThat(run("lint", dir + "/absent")).isEqualTo(2);
  }

  private String memoryMap(String type) throws IOException {
    return Files.writeString(
            dir.resolve("log"), "BIOS-e820: [mem 0x7b000000-0x7b0fffff] " + type + "\n")
        .toString();
  }

  @Test
  void lintHoldsTablesOfAFileAgainstAMemoryMapThatIsNamed() throws IOException {
    assertThat(run("lint", "--memmap", memoryMap("reserved"), good())).isZero();
    assertThat(out.toString()).isEqualTo("1 table: no findings\n");
    assertThat(run("lint", "--memmap", memoryMap("usable"), good())).isEqualTo(1);
    assertThat(out.toString())
        .contains(
            "+0x40: error DMAR-RMRR-USABLE-MEMORY: DMAR offset 0x40 RMRR reserves 0x7b000000-0x7b0fffff, of which the memory map ("
                + dir.resolve("log")
                + ") gives 0x7b000000-0x7b0fffff as usable RAM");
    assertThat(run("lint", "--memmap", good(), good())).isEqualTo(2);
    assertThat(err.toString()).contains("dmardump: EINVAL: " + good() + " has no memory map");
    assertThat(run("lint", "--memmap", "-", "-")).isEqualTo(2);
    assertThat(err.toString()).contains("both");
  }

  @Test
  void lintWithoutAnInputIsThatOfThisHostAndItsMemoryMap() throws IOException {
    Path tables = Files.createDirectory(dir.resolve("tables"));
    Path map = Files.createDirectory(dir.resolve("memmap"));
    Path entry = Files.createDirectory(map.resolve("0"));
    Files.writeString(entry.resolve("start"), "0x7b000000\n");
    Files.writeString(entry.resolve("end"), "0x7b0fffff\n");
    Files.writeString(entry.resolve("type"), "System RAM\n");
    String table = dmar("tables/DMAR", 1, 0x7b000000L, 0x7b0fffffL);
    Files.writeString(dir.resolve("tables/notes"), "no table");

    assertThat(lint()).isEqualTo(1);
    assertThat(out.toString())
        .contains(
            "note: the firmware tables of this host",
            "note: " + dir.resolve("tables/notes") + " is left out",
            "DMAR-RMRR-USABLE-MEMORY",
            "(" + map + ")");
    assertThat(lint(table)).isEqualTo(1);
    assertThat(lint("--json", tables.toString())).isEqualTo(1);
    assertThat(LiveDumpTest.valid(out.toString()).at("/sources/0/notes")).hasSize(1);
    assertThat(lint(good())).isZero(); // is of another machine, as far as anybody knows
    assertThat(out.toString()).doesNotContain("note:");
    Files.move(map, dir.resolve("moved"));
    assertThat(lint(table)).isZero();
    assertThat(out.toString())
        .contains("note: this host shows no memory map: there is no folder " + map + "; name one");
    Files.move(dir.resolve("moved"), map);
    Files.delete(dir.resolve("tables/DMAR"));
    assertThat(lint()).isEqualTo(2);
  }

  /** Runs it on a host that shows its tables and its memory map in folders of the test. */
  private int lint(String... args) {
    LintCommand command = new LintCommand();
    command.hostTables = dir.resolve("tables");
    command.hostMemoryMap = dir.resolve("memmap");
    out.getBuffer().setLength(0);
    return Tool.run("dmardump", command, args, new PrintWriter(out), new PrintWriter(err));
  }

  @Test
  void lintOfAMachineKnowsWhichDevicesAreThere() {
    assertThat(run("lint", "model:intel,units=2")).isZero();
  }

  @Test
  void verifySaysThatAUnitIsOff() throws IOException {
    assertThat(run("verify", "model:intel")).isEqualTo(1);
    assertThat(out.toString()).contains("VERIFY-UNIT-OFF", "checked: 1 unit, ", "not isolated");
    assertThat(run("verify", "--json", "model:intel")).isEqualTo(1);
    LiveDumpTest.valid(out.toString());
    assertThat(run("verify", good())).isEqualTo(2);
    assertThat(err.toString()).contains("expected a machine or a snapshot");
  }

  @Test
  void diffTellsByMeaningAndByStatus() throws IOException {
    String other = dmar("other", 5, 0x7b000000L, 0x7b1fffffL);

    assertThat(run("diff", good(), good())).isZero();
    assertThat(out.toString()).isEmpty();
    assertThat(run("diff", good(), other)).isEqualTo(1);
    assertThat(out.toString().lines())
        .containsExactly(
            "~ DMAR header Flags: 0x1 (INTR_REMAP) -> 0x5 (INTR_REMAP DMA_CTRL_PLATFORM_OPT_IN_FLAG)",
            "~ DMAR RMRR 0x7b000000 Reserved Memory Region Limit Address: 0x7b0fffff (inclusive) -> 0x7b1fffff"
                + " (inclusive)");
    assertThat(run("diff", "--json", good(), other)).isEqualTo(1);
    assertThat(LiveDumpTest.valid(out.toString()).at("/sources/0/changes")).hasSize(2);
  }

  @Test
  void aRegionThatMovedIsAnotherRegion() throws IOException {
    String other = dmar("other", 1, 0x6b000000L, 0x6b0fffffL);

    assertThat(run("diff", good(), other)).isEqualTo(1);
    assertThat(out.toString().lines())
        .hasSize(2)
        .anyMatch(line -> line.startsWith("- DMAR RMRR 0x7b000000: "))
        .anyMatch(line -> line.startsWith("+ DMAR RMRR 0x6b000000: "));
  }

  @Test
  void aPageIsWrittenToItsFile() throws IOException {
    Path page = dir.resolve("page.html");

    assertThat(run("--html", page.toString(), good())).isZero();
    assertThat(Files.readString(page)).contains("<svg", "Reserved regions", "DRHD", "</html>");
    assertThat(run("--html", dir + "/no/page.html", good())).isEqualTo(2);
    assertThat(err.toString()).contains("cannot write");
  }

  @Test
  void whatIsLeftOutOfAnInputIsToldByEveryCommand() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("folder"));
    dmar("folder/DMAR", 1, 0x7b000000L, 0x7b0fffffL);
    Files.writeString(folder.resolve("OTHER"), "no table");
    String note = "note: " + folder.resolve("OTHER") + " is left out: ";

    assertThat(run(folder.toString())).isZero();
    assertThat(out.toString()).contains(note);
    assertThat(run("lint", folder.toString())).isZero();
    assertThat(out.toString()).contains(note);
    assertThat(run("diff", good(), folder.toString())).isZero();
    assertThat(err.toString()).contains(note);
    assertThat(run("--html", dir.resolve("page.html").toString(), folder.toString())).isZero();
    assertThat(err.toString()).contains(note);
  }

  @Test
  void aPageThatTheDiskHasNoRoomForIsToldAsSuch() throws IOException {
    assertThat(run("--html", "/dev/full", good())).isEqualTo(1);
    assertThat(err.toString())
        .contains("dmardump: EIO: cannot write /dev/full: No space left on device");
  }

  @Test
  void oneAddressNeedsADeviceAndAMachine() throws IOException {
    assertThat(run("-m", "model:intel", "--iova", "0x1000")).isEqualTo(2);
    assertThat(err.toString()).contains("--iova and --device together");
    assertThat(run("-m", "model:intel", "--iova", "0x1000", "--device", "0:2.0")).isZero();
    assertThat(out.toString()).contains("0000:00:02.0 iova 0x1000 through unit vtd0:");
    assertThat(run("-m", "model:intel", "--iova", "4g", "--device", "0:2.0")).isEqualTo(2);
    String page = dir.resolve("page.html").toString();
    assertThat(run("-m", "model:intel", "--iova=0", "--device=0:2.0", "--html", page)).isEqualTo(2);
    assertThat(err.toString()).contains("expected either --iova or --html, not both");
    assertThat(Path.of(page)).doesNotExist();
    assertThat(run("--iova", "0", "--device", "0:2.0", good())).isEqualTo(2);
  }

  @Test
  void completionIsAScriptWithEveryCommand() {
    assertThat(run("completion")).isZero();
    assertThat(out.toString()).contains("complete -F", "lint", "--backend-path");
  }

  @Test
  void aFolderOfBackEndsThatIsNotThereIsRefused() throws IOException {
    assertThat(run("--backend-path", dir + "/none", good())).isEqualTo(2);
    assertThat(err.toString()).contains("dmardump: ENOENT: cannot read the folder");
    assertThat(run("--backend-path", dir.toString(), good())).isZero();
  }

  @Test
  void theManualHasEveryCommandAndOption() {
    String manual = ManPage.text();

    assertThat(manual)
        .startsWith(".TH DMARDUMP 1")
        .contains(".SS lint", ".SS save", "\\-\\-iova", "\\-\\-strict", ".SH EXIT STATUS");
    assertThat(manual.lines()).noneMatch(line -> line.contains("${"));
  }

  @Test
  void everyCommandHasAVersionAndOneSentenceInTheListOfCommands() {
    for (CommandLine command : new CommandLine(new DmardumpCommand()).getSubcommands().values()) {
      assertThat(command.getCommandSpec().usageMessage().description()[0])
          .as(command.getCommandName())
          .endsWith(".");
      assertThat(run(command.getCommandName(), "--version")).isZero();
      assertThat(out.toString()).as(command.getCommandName()).startsWith("dmardump ");
    }
  }

  @Test
  void helpOfEachCommandHasExamples() {
    for (String command : new String[] {"lint", "verify", "diff"}) {
      assertThat(run(command, "--help")).isZero();
      assertThat(out.toString()).contains("Examples:", "Exit status:", "dmardump " + command);
    }
  }
}
