package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.SriovCapability;
import dev.vmm.tck.Bench;
import dev.vmm.tck.VirtualFunctions;
import dev.vmm.tunable.Tunables;
import org.junit.jupiter.api.Test;

/**
 * MSI of a device that the host keeps, through a VT-d unit that others wrote. Each vector is taken
 * once: see {@link VectorTrap}.
 */
final class QemuHostInterruptTest extends SecondEduMachine {
  private static final long RAISE = 0x60;
  private static final long ACKNOWLEDGE = 0x64;
  private static final int WINDOW = 0xfee0_0000;
  private static final Rid NVME = Rid.parse("01:00.0");

  private ConfigSpace config;
  private MsiCapability msi;
  private RegisterBlock registers;

  private void turnOn(int vector) {
    config.write16(msi.controlOffset(), 0);
    config.write32(msi.addressOffset(), WINDOW);
    msi.upperAddressOffset().ifPresent(at -> config.write32(at, 0));
    config.write16(msi.dataOffset(), vector);
    config.write16(msi.controlOffset(), 1);
  }

  private MsiMessage programmed() {
    return new MsiMessage(
        Integer.toUnsignedLong(config.read32(msi.addressOffset())),
        config.read16(msi.dataOffset()));
  }

  private void raise() {
    registers.write32(RAISE, 1);
    registers.write32(ACKNOWLEDGE, 1);
  }

  @Test
  void theHostsMsiIsTakenBeforeTheStartWhileInterruptsAreRemappedAndAfterTheClose() {
    PciFunction edu = machine.pci().function(SECOND_EDU).orElseThrow();
    config = edu.config();
    msi = MsiCapability.of(config).orElseThrow();
    Bar bar = Bars.size(machine.pci(), edu).get(0);
    registers = machine.registers(bar.base(), 0x100);
    VectorTrap trap = new VectorTrap(machine);
    int command = config.read16(PciCommand.OFFSET);
    config.write16(PciCommand.OFFSET, PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    for (int vector = 0x41; vector <= 0x71; vector += 0x10) {
      trap.watch(vector);
    }

    turnOn(0x41);
    raise();
    assertThat(trap.await(0x41)).as("taken before the start").isTrue();
    turnOn(0x51);
    try (Bench bench = Bench.open(machine)) {
      bench.guestWithDevice("guest");
      assertThat(programmed().address() & 1 << 4).as("remappable format").isNotZero();
      raise();
      assertThat(trap.await(0x51)).as("taken through its entry").isTrue();
      assertThat(bench.faults()).isEmpty();

      turnOn(0x61);
      bench.vmm().iommu().rescan();
      assertThat(programmed().address() & 1 << 4).as("remappable format").isNotZero();
      raise();
      assertThat(trap.await(0x61)).as("taken through its new entry").isTrue();
      turnOn(0x71);
      bench.vmm().iommu().rescan();
    }
    assertThat(programmed()).isEqualTo(new MsiMessage(0xfee0_0000L, 0x71));
    raise();
    assertThat(trap.await(0x71)).as("taken after the close").isTrue();
    config.write16(msi.controlOffset(), 0);
    config.write16(PciCommand.OFFSET, command);
  }

  private static void placeVfs(PciFunction pf, long base) {
    int sriov = pf.config().extendedCapability(PciCapability.EXT_SRIOV).orElseThrow();
    pf.config().write32(sriov + SriovCapability.VF_BAR0, (int) base);
    pf.config().write32(sriov + SriovCapability.VF_BAR0 + 4, (int) (base >>> 32));
  }

  /** Of NVMe VFs: where the second one's table is, only a VF that ppt has sized tells. */
  @Test
  void aVfOfTheHostIsTakenAlongByItsTableInABarOfItsPf() {
    PciFunction pf = machine.pci().function(NVME).orElseThrow();
    // Beside the PF's own BAR: firmware gave the VFs no address.
    placeVfs(pf, Bars.size(machine.pci(), pf).get(0).base() + 0x1_0000);
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2)) {
      assertThat(vfs.pf()).isEqualTo(NVME);
      PciFunction vf = machine.pci().function(vfs.rids().get(1)).orElseThrow();
      MsixCapability msix = MsixCapability.of(vf.config()).orElseThrow();
      Bar bar = Bars.size(machine.pci(), vf).get(0);
      assertThat(msix.tableBar()).isEqualTo(bar.index());
      RegisterBlock table =
          machine.registers(bar.base() + msix.tableOffset(), MsixCapability.ENTRY_BYTES);
      // QEMU's VFs have a bit of their own for that, beside VF MSE.
      vf.config().write16(PciCommand.OFFSET, PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
      table.write32(MsixCapability.ENTRY_CONTROL, MsixCapability.ENTRY_MASKED);
      table.write32(MsixCapability.ENTRY_ADDRESS, WINDOW);
      table.write32(MsixCapability.ENTRY_DATA, 0x41);
      vf.config().write16(msix.controlOffset(), MsixCapability.ENABLE);
      try (Bench bench = Bench.open(machine, vfs.excused(Tunables.defaults()))) {
        bench.ppt().attach(vfs.rids().get(0));
        bench.guestWithDevice("guest");
        assertThat(table.read32(MsixCapability.ENTRY_ADDRESS) & 1 << 4)
            .as("remappable format")
            .isNotZero();
      }
      assertThat(table.read32(MsixCapability.ENTRY_ADDRESS)).isEqualTo(WINDOW);
      assertThat(table.read32(MsixCapability.ENTRY_DATA)).isEqualTo(0x41);
    }
    placeVfs(pf, 0);
  }
}
