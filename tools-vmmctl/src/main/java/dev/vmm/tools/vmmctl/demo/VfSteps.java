package dev.vmm.tools.vmmctl.demo;

import static dev.vmm.tools.vmmctl.demo.StartSteps.hex;

import dev.vmm.core.CoreTunables;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tools.vmmctl.demo.Live.Entry;
import dev.vmm.tools.vmmctl.device.VirtualFunctions;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** An SR-IOV virtual function is a device of its own: step 9. */
final class VfSteps {
  private static final int WANTED_VFS = 2;

  private VfSteps() {}

  /**
   * Returns the tunables with the first VF among the devices whose isolation group does not matter:
   * here the PF stays the host's, and not every device has ACS that would keep the two apart.
   */
  static Tunables excused(Machine machine, Tunables tunables) {
    String name = CoreTunables.PPT_IGNORE_GROUP.name();
    return machine.pci().functions().stream()
        .flatMap(one -> VirtualFunctions.of(one).stream())
        .findFirst()
        .map(vfs -> tunables.with(name, tunables.text(name).orElse("") + " " + vfs.first()))
        .orElse(tunables);
  }

  /** A VF is listed, attached, assigned, and translated by its own requester id. */
  static void virtualFunction(Scenario scenario, Evidence evidence) {
    PciFunction pf =
        scenario.machine().pci().functions().stream()
            .filter(one -> VirtualFunctions.of(one).isPresent())
            .findFirst()
            .orElseThrow(() -> new Step.NotRun("no function here has an SR-IOV capability"));
    VirtualFunctions virtual = VirtualFunctions.of(pf).orElseThrow();
    int controlBefore = virtual.control();
    int countBefore = virtual.number();
    try {
      if (!virtual.enabled()) {
        virtual.enable(Math.min(WANTED_VFS, virtual.total()));
      }
      passThrough(scenario, evidence, pf, virtual.number());
    } finally {
      virtual.restore(controlBefore, countBefore);
      scenario.vmm().iommu().rescan();
    }
  }

  private static void passThrough(Scenario scenario, Evidence evidence, PciFunction pf, int count) {
    List<PciFunction> vfs =
        scenario.machine().pci().functions().stream()
            .filter(one -> one.physicalFunction().equals(Optional.of(pf.rid())))
            .toList();
    evidence.check("VFs listed of " + pf.rid(), count, vfs.size());
    if (vfs.isEmpty()) {
      return;
    }
    PciFunction vf = vfs.get(0);
    Rid rid = vf.rid();
    evidence.note("%s has NumVFs=%d: %s", pf.rid(), count, vf);
    scenario.ppt().attach(rid);
    try (VirtualMachine vm = scenario.vmm().createVm("guest3")) {
      vm.addMemory(0, 64 << 10, Access.READ_WRITE);
      scenario.ppt().assign(rid, vm);
      Live live = scenario.live();
      Optional<Entry> own = live.entry(rid);
      Optional<Entry> ofPf = live.entry(pf.rid());
      long hpa = vm.memory().get(0).hpa();
      evidence.check(
          own.map(e -> e.maps(0, hpa, 64 << 10)).orElse(false),
          "entry of " + rid,
          "gpa 0x0 mapped to hpa " + hex(hpa),
          own.map(e -> e.domain() + " without it").orElse("none"));
      evidence.check(
          own.isPresent() && ofPf.isPresent() && !own.get().sharesDomainWith(ofPf.get()),
          "entry of its PF " + pf.rid(),
          "another domain",
          ofPf.map(Entry::domain).orElse("none"));
      for (PciFunction sibling : vfs.subList(1, vfs.size())) {
        evidence.check(
            "domain of the sibling " + sibling.rid(),
            ofPf.map(Entry::domain).orElse("none"),
            live.entry(sibling.rid()).map(Entry::domain).orElse("none"));
      }
      evidence.note(
          "entry of %s: %s, of its PF: %s",
          String.format(Locale.ROOT, "%02x:%02x.%x", rid.bus(), rid.device(), rid.function()),
          own.map(Entry::domain).orElse("none"),
          ofPf.map(Entry::domain).orElse("none"));
      scenario.ppt().unassign(rid, vm);
    } finally {
      scenario.ppt().detach(rid);
    }
    ReleaseSteps.checkHome(scenario, evidence, rid);
  }
}
