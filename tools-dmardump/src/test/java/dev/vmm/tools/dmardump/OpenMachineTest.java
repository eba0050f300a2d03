package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.machine.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands in a tool that has a machine open: where none is named, that one is meant. */
final class OpenMachineTest {
  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private final LiveUnit live = new LiveUnit("model:intel");
  private final Machine machine = live.machine;

  @AfterEach
  void close() {
    live.close();
  }

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Tool.run(
        "dmardump", new DmardumpCommand(machine), args, new PrintWriter(out), new PrintWriter(err));
  }

  @Test
  void verifyProvesWhatTheOpenMachineIsToldNow() throws IOException {
    assertThat(run("verify")).isZero();
    assertThat(out.toString()).contains("isolated: every check holds");
    Domain other = live.iommu.createDomain(new DomainSpec("other", 1L << 38));
    other.map(0x1000, live.memory, 0x1000, Access.READ);
    live.iommu.move(List.of(live.neighbour()), other);

    assertThat(run("verify")).isEqualTo(1);
    assertThat(out.toString()).contains("VERIFY-SHARED-MEMORY");
    assertThat(run("verify", "--json")).isEqualTo(1);
    assertThat(LiveDumpTest.valid(out.toString()).at("/sources/0/origin").asText())
        .isEqualTo("model:intel");
  }

  @Test
  void lintIsOfTheOpenMachineAndItsMemoryMap() {
    assertThat(run("lint")).isZero();
    assertThat(out.toString()).isEqualTo("1 table: no findings\n");
  }

  @Test
  void whatWasSavedIsComparedWithTheOpenMachine() throws IOException {
    String before = dir.resolve("before").toString();
    assertThat(run("save", before)).isZero();
    assertThat(run("diff", before)).isZero();
    live.vm.map(0x200000, live.memory, 0x1000, Access.READ);

    assertThat(run("diff", before)).isEqualTo(1);
    assertThat(out.toString()).contains("iova 0x200000-0x200fff");
    assertThat(run("diff", "--json", before)).isEqualTo(1);
    assertThat(LiveDumpTest.valid(out.toString()).at("/sources/0/origin").asText())
        .isEqualTo(before + " -> model:intel");
    machine.memory().read64(0); // it was not closed
  }

  @Test
  void aPageSaysHowManyThingsThereAreInWords() throws IOException {
    Path page = dir.resolve("page.html");

    assertThat(run("--html", page.toString())).isZero();
    assertThat(Files.readString(page))
        .contains("512M mapped in 1 range<", "16K mapped in 2 ranges<")
        .doesNotContain(" 1 ranges", " 1 table pages");
  }

  @Test
  void withoutAnOpenMachineOneMustBeNamed() {
    for (String[] args :
        new String[][] {{"verify"}, {"diff", "a"}, {"diff"}, {"save", dir + "/a"}, {"save"}}) {
      assertThat(Main.run(args, new PrintWriter(out), new PrintWriter(err)))
          .as(String.join(" ", args))
          .isEqualTo(2);
    }
    assertThat(err.toString().lines())
        .hasSize(5)
        .allMatch(line -> line.startsWith("dmardump: EINVAL: Missing required "));
    assertThat(dir).isEmptyDirectory();
  }
}
