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

/**
 * A unit that remembers entries which are not present, failing, while a function of the host
 * signals by MSI.
 */
final class ModelIntelCachingModeCrashTest extends CrashContract {
  private static final Rid DISK = Rid.parse("00:1f.2");
  private static final MsiMessage MESSAGE = new MsiMessage(0xfee0_2000L, 0x4051);

  @Override
  protected TckSubject subject() {
    return TckSubject.of(
            "intel-vtd", "model:intel,cm=on", ModelIntelCachingModeCrashTest::whoseDiskSignals)
        .withTunable("hw.vmm.vtd.timeout_ms", "100");
  }

  private static Machine whoseDiskSignals() {
    Machine machine = Machines.open("model:intel,cm=on");
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
    return 13;
  }
}
