package dev.vmm.tools.vmmctl.demo;

import static dev.vmm.tools.vmmctl.demo.StartSteps.hex;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tunable.Tunables;
import java.util.Locale;
import java.util.Optional;

/** Where no I/O MMU may or can be used, attach refuses and plain VMs work: step 10. */
final class RefusalSteps {
  private static final String ENABLE = "hw.vmm.iommu.enable";

  private RefusalSteps() {}

  /** Refused on this machine with the tunable at 0, and on a machine without an I/O MMU. */
  static void refused(Scenario scenario, Evidence evidence) {
    String name = scenario.machine().name();
    scenario.close();
    Live live = scenario.live();
    evidence.check(live.idle(), "the units after the platform closed", "off", live.status());

    String why =
        refusal(scenario.machine(), scenario.tunables().with(ENABLE, "0"), ENABLE + "=0", evidence);
    evidence.note("ENXIO \"%s\": %s", Presence.REFUSAL, why);
    live = scenario.live();
    evidence.check(live.idle(), "the units with " + ENABLE + "=0", "off", live.status());

    int colon = name.indexOf(':');
    String without = (colon < 0 ? name : name.substring(0, colon)) + ":none";
    try (Machine none = Machines.open(without)) {
      evidence.note("on %s: %s", without, refusal(none, scenario.tunables(), without, evidence));
    }
  }

  /** Returns the beginning of the reason that attach gave. */
  private static String refusal(
      Machine machine, Tunables tunables, String where, Evidence evidence) {
    Optional<PciFunction> found =
        machine.pci().functions().stream()
            .filter(one -> DmaEngines.find(one).isPresent())
            .findFirst();
    if (found.isEmpty()) {
      throw new Step.NotRun(where + " has no function with a DMA engine");
    }
    PciFunction function = found.get();
    int before = function.config().read16(PciCommand.OFFSET);
    try (Vmm vmm = Vmm.open(machine, tunables);
        PptDriver ppt = PptDriver.open(vmm)) {
      String said;
      try {
        ppt.attach(function.rid());
        said = "attached";
        evidence.fail(where + ": expected attach to fail, got " + function.rid() + " attached");
      } catch (VmmException e) {
        evidence.check(where + " error of attach", Errno.ENXIO, e.errno());
        String message = String.valueOf(e.getMessage());
        said = reason(message);
        evidence.check(
            message.startsWith(Presence.REFUSAL)
                && message.length() > Presence.REFUSAL.length() + 2,
            where + " message of attach",
            "\"" + Presence.REFUSAL + "\" and the reason",
            "\"" + message + "\"");
      }
      evidence.check("ppt devices with " + where, 0, ppt.devices().size());
      evidence.check(
          where + " command register",
          hex(before),
          hex(function.config().read16(PciCommand.OFFSET)));
      plainVm(vmm, machine, where, evidence);
      return said;
    }
  }

  private static String reason(String message) {
    String rest =
        message.startsWith(Presence.REFUSAL)
            ? message.substring(Presence.REFUSAL.length())
            : message;
    return rest.replaceFirst("^[:;,.\\s]*", "").replaceFirst(";.*", "");
  }

  private static void plainVm(Vmm vmm, Machine machine, String where, Evidence evidence) {
    try (VirtualMachine vm = vmm.createVm("plain")) {
      MemorySegment memory = vm.addMemory(0, 64 << 10, Access.READ_WRITE);
      byte[] bytes = Scenario.pattern(4096, 10);
      vm.bus().storeBytes(0x1000, bytes);
      byte[] read = new byte[bytes.length];
      machine.memory().readBytes(memory.hpa() + 0x1000, read, 0, read.length);
      evidence.checkBytes(
          String.format(Locale.ROOT, "memory of a plain VM with %s", where), bytes, read);
    }
  }
}
