package dev.vmm.it;

import dev.vmm.machine.Machine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.List;

/** The virtual functions of the machine's nvme controller, on until closed. */
final class VirtualFunctions implements AutoCloseable {
  private static final int CONTROL = 0x08;
  private static final int VF_ENABLE_AND_MSE = 0x9;
  private static final int NUM_VFS = 0x10;

  private final Machine machine;
  private final Rid pf;
  private final int sriov;

  private VirtualFunctions(Machine machine, Rid pf, int sriov) {
    this.machine = machine;
    this.pf = pf;
    this.sriov = sriov;
  }

  static VirtualFunctions enable(Machine machine, int count) {
    PciFunction pf =
        machine.pci().functions().stream()
            .filter(f -> f.classCode() == 0x010802 && f.physicalFunction().isEmpty())
            .findFirst()
            .orElseThrow();
    int sriov = pf.config().extendedCapability(PciCapability.EXT_SRIOV).orElseThrow();
    pf.config().write16(sriov + NUM_VFS, count);
    pf.config().write16(sriov + CONTROL, VF_ENABLE_AND_MSE);
    return new VirtualFunctions(machine, pf.rid(), sriov);
  }

  Rid pf() {
    return pf;
  }

  List<Rid> rids() {
    return machine.pci().functions().stream()
        .filter(f -> f.physicalFunction().filter(pf::equals).isPresent())
        .map(PciFunction::rid)
        .toList();
  }

  @Override
  public void close() {
    ConfigSpace config = machine.pci().config(pf);
    config.write16(sriov + CONTROL, 0);
    config.write16(sriov + NUM_VFS, 0);
  }
}
