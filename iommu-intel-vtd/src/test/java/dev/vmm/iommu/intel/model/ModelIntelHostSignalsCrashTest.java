package dev.vmm.iommu.intel.model;

import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.Rid;
import dev.vmm.tck.CrashContract;
import dev.vmm.tck.TckSubject;

/** A function of the host signals by MSI while everything else fails. */
final class ModelIntelHostSignalsCrashTest extends CrashContract {
  private static final Rid DISK = Rid.parse("00:1f.2");
  private static final MsiMessage MESSAGE = new MsiMessage(0xfee0_2000L, 0x4051);

  @Override
  protected TckSubject subject() {
    return TckSubject.of(
            "intel-vtd",
            "model:intel with MSI on",
            ModelIntelHostSignalsCrashTest::machineWhoseDiskSignals)
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  private static Machine machineWhoseDiskSignals() {
    Machine machine = Machines.open("model:intel");
    ConfigSpace disk = machine.pci().config(DISK);
    MsiCapability msi = MsiCapability.of(disk).orElseThrow();
    disk.write32(msi.addressOffset(), (int) MESSAGE.address());
    disk.write16(msi.dataOffset(), MESSAGE.data());
    disk.write16(PciCommand.OFFSET, PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    disk.write16(msi.controlOffset(), 1);
    return machine;
  }

  @Override
  protected int stride() {
    return 19;
  }
}
