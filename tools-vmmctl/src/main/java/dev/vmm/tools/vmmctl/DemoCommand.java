package dev.vmm.tools.vmmctl;

import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tools.dmardump.Text;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.demo.Demonstration;
import dev.vmm.tunable.Tunables;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vmmctl demo}. */
@Command(
    name = "demo",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Passes a device through in ten steps, one line each with what was read back from the machine.",
      "Succeeds only if every step held."
    })
final class DemoCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private MachineOptions options = new MachineOptions();

  @Option(
      names = "--dump",
      description = "Dump the live units once the device is assigned; --verbose does so too.")
  private boolean dump;

  @Override
  public Integer call() {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    try (Machine machine = Machines.open(options.machine())) {
      Demonstration demonstration =
          new Demonstration(
              Objects.requireNonNull(spec).commandLine().getOut(),
              options.palette(),
              Text.columns(),
              dump || options.verbose());
      return demonstration.run(machine, tunables) ? Tool.OK : Tool.FAILED;
    }
  }
}
