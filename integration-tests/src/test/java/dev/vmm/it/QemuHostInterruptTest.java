package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.tck.Bench;
import org.junit.jupiter.api.Test;

/**
 * MSI of a device that the host keeps, through a VT-d unit that others wrote. Each vector is taken
 * once: see {@link VectorTrap}.
 */
final class QemuHostInterruptTest extends SecondEduMachine {
  private static final long RAISE = 0x60;
  private static final long ACKNOWLEDGE = 0x64;
  private static final int WINDOW = 0xfee0_0000;

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
}
