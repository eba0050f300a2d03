package dev.vmm.tools.vmmctl.demo;

import static dev.vmm.tools.vmmctl.demo.StartSteps.hex;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tools.dmardump.DumpRenderer;
import dev.vmm.tools.vmmctl.demo.Live.Entry;
import dev.vmm.tools.vmmctl.device.HostDma;
import java.util.Locale;
import java.util.Optional;

/** The ways back from a guest: steps 7 and 8. */
final class ReleaseSteps {
  private static final int DMA_BYTES = 64;
  private static final int PAGE = (int) PhysicalMemory.PAGE_BYTES;

  private ReleaseSteps() {}

  /** Unassigned, the device is blocked; detached, it works 1:1 for the host again. */
  static void unassignAndDetach(Scenario scenario, Evidence evidence) {
    Guest guest = scenario.guest();
    PptDevice device = scenario.device();
    Rid rid = device.rid();
    scenario.bar(); // found while it is attached
    scenario.ppt().unassign(rid, guest.vm());
    evidence.check("state after unassign", PptState.PARKED, device.state());
    evidence.check("command register", hex(0), hex(scenario.command() & PciCommand.ACTIVE));
    checkBlocked(scenario, evidence, rid);
    scenario.guest(null);
    guest.vm().close();

    long pages = scenario.memory().allocate(2L * PAGE, PAGE);
    byte[] source = Scenario.pattern(PAGE, 7);
    byte[] target = Scenario.pattern(PAGE, 70);
    scenario.write(pages, source);
    scenario.write(pages + PAGE, target);
    try (HostDma host = scenario.hostDma()) {
      Faults.forget(scenario);
      host.engine().toMemory(0, pages + PAGE, DMA_BYTES);
      var told = Faults.check(scenario, evidence, "blocked", pages + PAGE, Access.WRITE);
      boolean kept =
          evidence.checkBytes(
              "hpa " + hex(pages + PAGE), target, scenario.read(pages + PAGE, PAGE));
      evidence.note(
          "unassigned: DMA to hpa %s %s, %s",
          hex(pages + PAGE), Faults.outcome(scenario, told), kept ? "untouched" : "WRITTEN");
    }

    scenario.ppt().detach(rid);
    evidence.check(
        "command register after detach", hex(scenario.commandAtAttach()), hex(scenario.command()));
    checkHome(scenario, evidence, rid);
    try (HostDma host = scenario.hostDma()) {
      host.engine().fromMemory(pages, 0, DMA_BYTES);
      host.engine().toMemory(0, pages + PAGE, DMA_BYTES);
    }
    System.arraycopy(source, 0, target, 0, DMA_BYTES);
    boolean copied = evidence.checkBytes("1:1 DMA", target, scenario.read(pages + PAGE, PAGE));
    evidence.check("faults of 1:1 DMA", 0, scenario.vmm().iommu().drainFaults().size());
    evidence.note(
        "detached: %d bytes from hpa %s to %s, %s",
        DMA_BYTES, hex(pages), hex(pages + PAGE), copied ? "equal" : "DIFFER");
    scenario.memory().free(pages, 2L * PAGE);
    scenario.restoreCommand();
  }

  /** A VM that is destroyed gives its devices back first. */
  static void destroy(Scenario scenario, Evidence evidence) {
    Rid rid = scenario.rid();
    scenario.switchDeviceOn();
    PptDevice device = scenario.ppt().device(rid).orElseGet(() -> scenario.ppt().attach(rid));
    long page = scenario.memory().allocatePage();
    long before = scenario.memory().allocatedBytes();
    VirtualMachine vm = Guest.create(scenario, "guest2", page).vm();
    Optional<Entry> assigned;
    int commandAssigned;
    try {
      scenario.ppt().assign(rid, vm);
      assigned = scenario.live().entry(rid);
      commandAssigned = scenario.command();
    } finally {
      vm.close();
    }
    evidence.check(
        "bus master while assigned",
        hex(PciCommand.BUS_MASTER),
        hex(commandAssigned & PciCommand.BUS_MASTER));
    evidence.check("the VM is destroyed", true, vm.destroyed());
    evidence.check("owner", Optional.empty(), device.ownerName());
    evidence.check("state of the device", PptState.PARKED, device.state());
    evidence.check("command register", hex(0), hex(scenario.command() & PciCommand.ACTIVE));
    long after = scenario.memory().allocatedBytes();
    evidence.check("allocated host memory", hex(before), hex(after));
    evidence.note(
        "%s was in %s, command %s -> %s",
        rid,
        assigned.map(Entry::domain).orElse("no domain"),
        hex(commandAssigned),
        hex(scenario.command()));
    checkBlocked(scenario, evidence, rid)
        .ifPresent(
            e ->
                evidence.note(
                    "now %s in %s, which maps %s",
                    device.state().name().toLowerCase(Locale.ROOT),
                    e.domain(),
                    e.blocks() ? "nothing" : DumpRenderer.size(e.mappedBytes())));
    evidence.note("host memory in use %s -> %s", hex(before), hex(after));
    scenario.memory().free(page, PAGE);
    scenario.ppt().detach(rid);
    scenario.restoreCommand();
  }

  /** The unit has a valid entry for the device that leads to nothing. */
  static Optional<Entry> checkBlocked(Scenario scenario, Evidence evidence, Rid rid) {
    Optional<Entry> entry = scenario.live().entry(rid);
    evidence.check(
        entry.map(Entry::blocks).orElse(false),
        "entry of " + rid,
        "a domain that maps nothing",
        entry.map(e -> e.domain() + " with " + hex(e.mappedBytes()) + " bytes").orElse("none"));
    return entry;
  }

  /**
   * The unit has the device in the domain that another function of the host is in, if it serves
   * one; that is one of all RAM 1:1.
   */
  static void checkHome(Scenario scenario, Evidence evidence, Rid rid) {
    Live live = scenario.live();
    Optional<Entry> own = live.entry(rid);
    Optional<Entry> host =
        scenario.machine().pci().functions().stream()
            .map(PciFunction::rid)
            .filter(other -> !other.equals(rid) && scenario.ppt().device(other).isEmpty())
            .flatMap(other -> live.entry(other).stream())
            .filter(e -> own.isEmpty() || e.unit().name().equals(own.get().unit().name()))
            .findFirst();
    evidence.check(
        own.isPresent() && host.map(own.get()::sharesDomainWith).orElse(true),
        "entry of " + rid,
        "host " + host.map(Entry::domain).orElse("domain"),
        own.map(Entry::domain).orElse("none"));
    scenario
        .memory()
        .ram()
        .forEach(
            ram ->
                evidence.check(
                    own.map(e -> e.maps(ram.start(), ram.start(), ram.lengthBytes())).orElse(false),
                    "entry of " + rid,
                    "RAM " + ram + " mapped 1:1",
                    own.map(Entry::domain).orElse("none")));
  }
}
