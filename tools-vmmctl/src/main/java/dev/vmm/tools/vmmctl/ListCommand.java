package dev.vmm.tools.vmmctl;

import dev.vmm.core.Vmm;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import dev.vmm.tools.vmmctl.list.FunctionList;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code vmmctl list}. */
@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Lists the PCI functions of a machine: what they are, who has them, which unit and domain their DMA goes through,"
          + " how they can be reset.",
      "The functions that the tunable pptdevs names are attached first."
    })
final class ListCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private MachineOptions options = new MachineOptions();

  @Option(names = "--json", description = "Write it as JSON; docs/vmmctl.md describes it.")
  private boolean json;

  @Parameters(
      arity = "0..1",
      paramLabel = "DEVICE",
      description =
          "Only this one: 2/0/0, 0000:02:00.0, 02:00.0 or a name of the list, such as edu0.")
  private @Nullable String device;

  @Override
  public Integer call() throws IOException {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    PrintWriter err = Objects.requireNonNull(spec).commandLine().getErr();
    options.warnings(tunables).forEach(sentence -> err.println("vmmctl: warning: " + sentence));
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    try (Machine machine = Machines.open(options.machine());
        Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm)) {
      FunctionList list =
          new FunctionList(
              vmm, ppt, Optional.ofNullable(device).map(text -> DeviceNames.parse(machine, text)));
      if (json) {
        list.json(out);
      } else {
        list.text(out);
      }
      return Tool.OK;
    }
  }
}
