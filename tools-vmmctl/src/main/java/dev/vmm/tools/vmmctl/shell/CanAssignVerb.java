package dev.vmm.tools.vmmctl.shell;

import dev.vmm.core.policy.VmNeed;
import dev.vmm.tools.dmardump.Palette;
import dev.vmm.tools.vmmctl.verdict.VerdictText;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code can-assign}. */
@Command(
    name = "can-assign",
    description = "Say whether a function can be assigned, with everything that is in the way.")
final class CanAssignVerb extends DeviceVerbs.OfDevice {
  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      converter = Numbers.Size.class,
      defaultValue = "0",
      description = "How much memory the guest has, such as 4G.")
  private long memoryBytes;

  @Override
  void run() {
    VerdictText.print(
        session().ppt().verdict(rid(), new VmNeed(memoryBytes)), out(), Palette.PLAIN);
  }
}
