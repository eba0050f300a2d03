package dev.vmm.tck;

import static org.assertj.core.api.Assertions.fail;

import dev.vmm.machine.Machine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.SriovCapability;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.stream.Collectors;

/** The virtual functions of the machine's first function with SR-IOV, on until closed. */
public final class VirtualFunctions implements AutoCloseable {
  private final Machine machine;
  private final Rid pf;
  private final int sriov;

  private VirtualFunctions(Machine machine, Rid pf, int sriov) {
    this.machine = machine;
    this.pf = pf;
    this.sriov = sriov;
  }

  /** Turns the first {@code count} of them on. */
  public static VirtualFunctions enable(Machine machine, int count) {
    for (PciFunction function : machine.pci().functions()) {
      var at = function.config().extendedCapability(PciCapability.EXT_SRIOV);
      if (at.isPresent() && function.physicalFunction().isEmpty()) {
        function.config().write16(at.get() + SriovCapability.NUM_VFS, count);
        function
            .config()
            .write16(
                at.get() + SriovCapability.CONTROL,
                SriovCapability.VF_ENABLE | SriovCapability.VF_MSE);
        return new VirtualFunctions(machine, function.rid(), at.get());
      }
    }
    return fail(
        "no function of machine %s has an SR-IOV capability: add one, or do not declare"
            + " VIRTUAL_FUNCTIONS",
        machine.name());
  }

  /** Returns the function that they are of. */
  public Rid pf() {
    return pf;
  }

  /** Returns those that are on. */
  public List<Rid> rids() {
    return machine.pci().functions().stream()
        .filter(f -> f.physicalFunction().filter(pf::equals).isPresent())
        .map(PciFunction::rid)
        .toList();
  }

  /**
   * Returns tunables under which each is assigned though its PF is the host's, also where the
   * device has no ACS that would keep them apart.
   */
  public Tunables excused(Tunables tunables) {
    return tunables.with(
        "hw.vmm.ppt.ignore_group",
        rids().stream().map(Rid::toString).collect(Collectors.joining(" ")));
  }

  /** Turns them off. */
  @Override
  public void close() {
    ConfigSpace config = machine.pci().config(pf);
    config.write16(sriov + SriovCapability.CONTROL, 0);
    config.write16(sriov + SriovCapability.NUM_VFS, 0);
  }
}
