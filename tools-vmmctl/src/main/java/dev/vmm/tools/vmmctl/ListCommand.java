package dev.vmm.tools.vmmctl;

import dev.vmm.core.Vmm;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tunable.Tunables;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code vmmctl list}. */
@Command(
    name = "list",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Lists the PCI functions of a machine: requester id, vendor and device id, class, who has it.",
      "The functions that the tunable pptdevs names are attached first."
    })
final class ListCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private MachineOptions options = new MachineOptions();

  @Override
  public Integer call() {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    PrintWriter err = Objects.requireNonNull(spec).commandLine().getErr();
    // The platform itself tells of unknown names only when it looks for an I/O MMU.
    DeclaredTunables.load()
        .check(tunables)
        .forEach(sentence -> err.println("vmmctl: warning: " + sentence));
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    try (Machine machine = Machines.open(options.machine());
        Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm)) {
      for (PciFunction function : machine.pci().functions()) {
        Optional<PptDevice> device = ppt.device(function.rid());
        out.printf(
            Locale.ROOT,
            "%s  %04x:%04x  %06x %-32s  %s%n",
            function.rid(),
            function.vendorId(),
            function.deviceId(),
            function.classCode(),
            PciClass.nameOf(function.classCode()),
            device
                .map(one -> "ppt, " + one.state().name().toLowerCase(Locale.ROOT))
                .orElse(
                    function.isBridge()
                        ? "host (a bridge)"
                        : function
                            .physicalFunction()
                            .map(pf -> "host, VF of " + pf)
                            .orElse("host")));
      }
      return Tool.OK;
    }
  }
}
