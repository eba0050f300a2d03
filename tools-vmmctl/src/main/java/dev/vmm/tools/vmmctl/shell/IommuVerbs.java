package dev.vmm.tools.vmmctl.shell;

import dev.vmm.core.Vmm;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.tools.dmardump.Inspectors;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** The platform and its I/O MMU. */
final class IommuVerbs {
  private IommuVerbs() {}

  /** {@code iommu}. */
  @Command(
      name = "iommu",
      description = "Show the state of the I/O MMU, and its units as they are programmed.")
  static final class Iommu extends Verb {
    @Option(names = "--time", description = "Tell how long the start took, too.")
    private boolean time;

    @Override
    void run() {
      Vmm vmm = session().vmm();
      vmm.iommu().status().forEach(line -> say("%s", line));
      for (UnitReport unit : Inspectors.load().inspect(vmm.machine())) {
        say(
            "unit %s at 0x%x: translation %s",
            unit.name(), unit.baseHpa(), unit.enabled() ? "on" : "off");
      }
      if (time) {
        say(
            "%s",
            vmm.iommu()
                .startTime()
                .map(took -> String.format(Locale.ROOT, "started in %.3f ms", took.toNanos() / 1e6))
                .orElse("not started"));
      }
    }
  }

  /** {@code rescan}. */
  @Command(
      name = "rescan",
      description = "Look for functions that appeared or vanished, and give them their domain.")
  static final class Rescan extends Verb {
    @Override
    void run() {
      session().vmm().iommu().rescan();
      say("%d functions", session().machine().pci().functions().size());
    }
  }

  /** {@code close}. */
  @Command(
      name = "close",
      description = {
        "End the platform; the next command that needs it opens another.",
        "All VMs are destroyed, all devices given back, and the I/O MMU is as it was found. The next platform has the"
            + " tunables that are set by then."
      })
  static final class Close extends Verb {
    @Override
    void run() {
      session().closePlatform();
      say("closed");
    }
  }
}
