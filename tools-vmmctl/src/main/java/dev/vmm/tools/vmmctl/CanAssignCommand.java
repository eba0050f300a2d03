package dev.vmm.tools.vmmctl;

import dev.vmm.core.Vmm;
import dev.vmm.core.policy.Verdict;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import dev.vmm.tools.vmmctl.shell.Numbers;
import dev.vmm.tools.vmmctl.verdict.VerdictJson;
import dev.vmm.tools.vmmctl.verdict.VerdictText;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vmmctl can-assign}. */
@Command(
    name = "can-assign",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Says whether a device can be passed through to a VM, with everything that is in the way, where"
          + " that is written, and what to do.",
      "Nothing is started and nothing is changed. What the tunable pptdevs names counts as attached."
    },
    exitCodeListHeading = "%nExit status:%n",
    exitCodeList = {
      "0:it can, perhaps with warnings",
      "1:it cannot, or the machine failed",
      "2:the command line, a tunable or an input file is wrong"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  vmmctl can-assign 00:02.0 --machine qemu:intel --memory 4G",
      "  vmmctl can-assign 02:00.0 --machine snapshot:host.snapshot --json"
    })
final class CanAssignCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;

  @Parameters(
      paramLabel = "DEVICE",
      description =
          "The function, such as 00:02.0, 0/2/0, or a name of \"vmmctl list\", such as edu0.")
  private String device = "";

  @Mixin private MachineOptions options = new MachineOptions();

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = Numbers.Size.class,
      defaultValue = "0",
      description = "How much memory the guest has, such as 4G: the device must reach all of it.")
  private long memoryBytes;

  @Option(names = "--json", description = "Print one JSON object.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    PrintWriter err = Objects.requireNonNull(spec).commandLine().getErr();
    DeclaredTunables.load()
        .check(tunables)
        .forEach(sentence -> err.println("vmmctl: warning: " + sentence));
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    try (Machine machine = Machines.open(options.machine());
        Vmm vmm = Vmm.open(machine, tunables)) {
      Rid rid = DeviceNames.parse(machine, device);
      Verdict verdict = PptDriver.verdict(vmm, rid, new VmNeed(memoryBytes));
      if (json) {
        VerdictJson.write(verdict, out);
      } else {
        VerdictText.print(verdict, out, options.palette());
      }
      return verdict.allowed() ? Tool.OK : Tool.FAILED;
    }
  }
}
