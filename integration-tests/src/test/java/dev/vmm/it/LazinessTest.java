package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which classes a JVM loads, as the JVM itself tells. */
@RequiresQemu
final class LazinessTest {
  private static final String BACK_END = "dev.vmm.iommu.intel.";

  @TempDir Path folder;

  /** A user's program: plain VMs, and an attach if it is told the function. */
  static final class Program {
    public static void main(String[] args) {
      try (Machine machine = Machines.open("qemu:intel");
          Vmm vmm = Vmm.open(machine, Tunables.defaults());
          PptDriver ppt = PptDriver.open(vmm)) {
        VirtualMachine vm = vmm.createVm("plain");
        vm.addMemory(0, 0x20_0000, Access.READ_WRITE);
        vm.bus().store64(0x1000, 5);
        vmm.sysctls();
        vmm.iommu().status();
        vmm.iommu().drainFaults();
        ppt.devices();
        for (String rid : args) {
          ppt.attach(Rid.parse(rid));
        }
        vm.close();
      }
    }
  }

  @Test
  void i01_plainVmsLoadNoClassOfABackEnd() throws Exception {
    List<String> loaded = loadedBy();
    assertThat(loaded).contains("dev.vmm.core.DefaultVmm", "dev.vmm.ppt.DefaultPptDriver");
    assertThat(loaded).noneMatch(name -> name.startsWith(BACK_END));
  }

  @Test
  void i01_attachLoadsWhatProbesAndNothingThatTouchesAUnit() throws Exception {
    List<String> loaded = loadedBy("00:02.0");
    assertThat(loaded).contains(BACK_END + "IntelProvider");
    assertThat(loaded).noneMatch(name -> name.startsWith(BACK_END + "unit."));
    assertThat(loaded).noneMatch(name -> name.startsWith(BACK_END + "regs."));
  }

  private List<String> loadedBy(String... args) throws Exception {
    Path log = folder.resolve("classes");
    Path out = folder.resolve("out");
    List<String> command =
        new java.util.ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-Xlog:class+load=info:file=" + log + ":none:filecount=0",
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName()));
    command.addAll(List.of(args));
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out.toFile()).start();
    try {
      assertThat(process.waitFor(120, TimeUnit.SECONDS)).as("the program ends").isTrue();
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(Files.readString(out, StandardCharsets.UTF_8)).isZero();
    // A line is "dev.vmm.Name source: where".
    try (Stream<String> lines = Files.lines(log, StandardCharsets.UTF_8)) {
      return lines.map(line -> line.split(" ", 2)[0]).toList();
    }
  }
}
