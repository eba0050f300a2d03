package dev.vmm.tools.vmmctl.shell;

import dev.vmm.core.OwnedFault;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code faults}. */
@Command(
    name = "faults",
    description = "Show the DMA faults since the last time, oldest first, and forget them.")
final class FaultsVerb extends Verb {
  @Override
  void run() {
    List<OwnedFault> faults = session().takeFaults();
    faults.forEach(fault -> say("fault: %s", fault.describe()));
    long dropped = session().takeFaultsDropped();
    if (dropped > 0) {
      say("and %d more", dropped);
    } else if (faults.isEmpty()) {
      say("no fault");
    }
  }
}
