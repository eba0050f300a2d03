package dev.vmm.tools.vmmctl.demo;

import static dev.vmm.tools.vmmctl.demo.StartSteps.hex;

import dev.vmm.core.CoreTunables;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.Machine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.SriovCapability;
import dev.vmm.tools.vmmctl.demo.Live.Entry;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** An SR-IOV virtual function is a device of its own: step 9. */
final class VfSteps {
  private static final int TOTAL_VFS = 0x0e;
  private static final int WANTED_VFS = 2;

  /** PCI Express Base 6.0, "VF Enable": no request to a VF for 100 ms after the bit is set. */
  private static final long VF_ENABLE_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private VfSteps() {}

  /**
   * Returns the tunables with the first VF among the devices whose isolation group does not matter:
   * here the PF stays the host's, and not every device has ACS that would keep the two apart.
   */
  static Tunables excused(Machine machine, Tunables tunables) {
    String name = CoreTunables.PPT_IGNORE_GROUP.name();
    return machine.pci().functions().stream()
        .filter(one -> one.physicalFunction().isEmpty() && !one.isBridge())
        .filter(one -> sriov(one).isPresent())
        .findFirst()
        .map(
            pf -> {
              int offset =
                  pf.config().read16(sriov(pf).orElseThrow() + SriovCapability.FIRST_VF_OFFSET);
              Rid vf = Rid.of(pf.rid().segment(), pf.rid().id16() + offset);
              return tunables.with(name, tunables.text(name).orElse("") + " " + vf);
            })
        .orElse(tunables);
  }

  /** A VF is listed, attached, assigned, and translated by its own requester id. */
  static void virtualFunction(Scenario scenario, Evidence evidence) {
    PciFunction pf =
        scenario.machine().pci().functions().stream()
            .filter(one -> one.physicalFunction().isEmpty() && !one.isBridge())
            .filter(one -> sriov(one).isPresent())
            .findFirst()
            .orElseThrow(() -> new Step.NotRun("no function here has an SR-IOV capability"));
    int sriov = sriov(pf).orElseThrow();
    ConfigSpace config = pf.config();
    int controlBefore = config.read16(sriov + SriovCapability.CONTROL);
    int countBefore = config.read16(sriov + SriovCapability.NUM_VFS);
    try {
      if ((controlBefore & SriovCapability.VF_ENABLE) == 0) {
        // NumVFs may only change while VF Enable is clear.
        int count = Math.min(WANTED_VFS, config.read16(sriov + TOTAL_VFS));
        config.write16(sriov + SriovCapability.NUM_VFS, count);
        config.write16(
            sriov + SriovCapability.CONTROL,
            controlBefore | SriovCapability.VF_ENABLE | SriovCapability.VF_MSE);
        waitFor(VF_ENABLE_NANOS);
      }
      passThrough(scenario, evidence, pf, config.read16(sriov + SriovCapability.NUM_VFS));
    } finally {
      config.write16(sriov + SriovCapability.CONTROL, controlBefore);
      if ((controlBefore & SriovCapability.VF_ENABLE) == 0) {
        config.write16(sriov + SriovCapability.NUM_VFS, countBefore);
      }
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

  private static Optional<Integer> sriov(PciFunction function) {
    return function.config().extendedCapability(PciCapability.EXT_SRIOV);
  }

  private static void waitFor(long nanos) {
    long end = System.nanoTime() + nanos;
    for (long left = nanos; left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }
}
