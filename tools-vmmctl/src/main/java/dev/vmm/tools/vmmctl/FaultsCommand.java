package dev.vmm.tools.vmmctl;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.vmm.core.OwnedFault;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tools.vmmctl.demo.RefusedDma;
import dev.vmm.tools.vmmctl.fault.FaultReports;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code vmmctl faults}. */
@Command(
    name = "faults",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Has a guest's device write to memory that was taken from the guest, and shows what is told of it:",
      "unit, device, owner, address, reason, the page-table entry, and how long ago the memory was unmapped."
    })
final class FaultsCommand implements Callable<Integer> {
  @Spec private @Nullable CommandSpec spec;
  @Mixin private MachineOptions options = new MachineOptions();

  @Option(names = "--json", description = "Print a JSON array with an object for each fault.")
  private boolean json;

  @Override
  public Integer call() throws IOException {
    options.applyLogLevel();
    Tunables tunables = options.tunables();
    PrintWriter out = Objects.requireNonNull(spec).commandLine().getOut();
    try (Machine machine = Machines.open(options.machine())) {
      List<OwnedFault> reports = RefusedDma.run(machine, tunables);
      if (json) {
        writeJson(reports, out);
      } else {
        for (OwnedFault report : reports) {
          FaultReports.lines(report).forEach(out::println);
          out.println();
        }
        if (reports.isEmpty()) {
          out.println(
              machine.recordsFaults()
                  ? options.palette().bad("a DMA was refused and no fault was told")
                  : "a DMA was refused; " + machine.name() + " records no faults");
        }
      }
      out.flush();
      return reports.isEmpty() && machine.recordsFaults() ? Tool.FAILED : Tool.OK;
    }
  }

  private static void writeJson(List<OwnedFault> reports, PrintWriter out) throws IOException {
    try (JsonGenerator generator =
        new JsonFactory()
            .createGenerator(out)
            .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
            .useDefaultPrettyPrinter()) {
      generator.writeStartArray();
      for (OwnedFault report : reports) {
        FaultReports.write(report, generator);
      }
      generator.writeEndArray();
    }
    out.println();
  }
}
