package dev.vmm.tools.vmmctl.shell;

import dev.vmm.tools.vmmctl.list.FunctionList;
import java.io.IOException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code list}. */
@Command(
    name = "list",
    description = "List the PCI functions: who has them, where their DMA goes, how they reset.")
final class ListVerb extends Verb {
  @Option(names = "--json", description = "Write it as JSON.")
  private boolean json;

  @Parameters(
      arity = "0..1",
      paramLabel = "DEVICE",
      completionCandidates = Candidates.Devices.class,
      description = "Only this one.")
  private @Nullable String device;

  @Override
  void run() throws IOException {
    FunctionList list =
        new FunctionList(
            session().vmm(), session().ppt(), Optional.ofNullable(device).map(session()::rid));
    if (json) {
      list.json(out());
    } else {
      list.text(out());
    }
  }
}
