package dev.vmm.iommu.intel.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.MsiMessage;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.InterruptLog;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Bars;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tck.Bench;
import dev.vmm.tck.MachineDecorator;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The host's MSI-X and MSI of several messages through a start, an assign and a close. */
class HostSignalsTest {
  private static final Rid NIC = Rid.parse("00:03.0");
  private static final Rid DISK = Rid.parse("00:04.0");
  private static final long ADDRESS = 0xfee0_1000L;
  private final ModelMachine machine = machine();

  private static ModelMachine machine() {
    ModelMachineBuilder builder = ModelMachineBuilder.intel();
    return builder
        .root(
            0,
            0,
            bus ->
                bus.add(0, FunctionSpec.hostBridge())
                    .add(2, EduDevice.function(builder.timer(), 0))
                    .add(
                        3,
                        FunctionSpec.of(0x8086, 0x1572, 0x020000)
                            .memory64(0, 0x4000)
                            .msix(40, 0, 0x2000, 0x3000))
                    .add(4, FunctionSpec.of(0x8086, 0x2922, 0x010601).msi(8, true, true)))
        .build();
  }

  @AfterEach
  void closeMachine() {
    machine.close();
  }

  private RegisterBlock table() {
    PciFunction nic = machine.pci().function(NIC).orElseThrow();
    Bar bar = Bars.size(machine.pci(), nic).get(0);
    return machine.registers(bar.base() + 0x2000, 40L * MsixCapability.ENTRY_BYTES);
  }

  private static void set(RegisterBlock table, int vector, MsiMessage message, int control) {
    table.write32(16L * vector, (int) message.address());
    table.write32(16L * vector + 4, 0);
    table.write32(16L * vector + 8, message.data());
    table.write32(16L * vector + 12, control);
  }

  private void enable(Rid rid) {
    ConfigSpace config = machine.pci().config(rid);
    config.write16(PciCommand.OFFSET, PciCommand.MEMORY_SPACE | PciCommand.BUS_MASTER);
    MsixCapability.of(config)
        .ifPresent(msix -> config.write16(msix.controlOffset(), MsixCapability.ENABLE));
  }

  private List<MsiMessage> raise(Rid rid, int... vectors) {
    machine.interrupts().take();
    ModelFunction sender = machine.pci().sender(rid).orElseThrow();
    for (int vector : vectors) {
      sender.interrupt(vector);
    }
    return arrived();
  }

  private List<MsiMessage> arrived() {
    List<MsiMessage> messages = new ArrayList<>();
    for (InterruptLog.Interrupt one : machine.interrupts().take()) {
      messages.add(new MsiMessage(one.address(), one.data()));
    }
    return messages;
  }

  private static MsiMessage message(int vector) {
    return new MsiMessage(ADDRESS, vector);
  }

  @Test
  void everyEntryOfMsixLeadsWhereItLedAndAMaskedOneStaysPending() {
    RegisterBlock table = table();
    for (int i = 0; i < 40; i++) {
      set(table, i, message(0x40 + i), i == 7 ? 1 : 0);
    }
    enable(NIC);
    try (Bench bench = Bench.open(machine)) {
      bench.guestWithDevice("guest");
      assertThat(raise(NIC, 0, 39, 7)).containsExactly(message(0x40), message(0x67));
      table.write32(16 * 7 + 12, 0);
      assertThat(arrived()).as("unmasked").containsExactly(message(0x47));
      assertThat(bench.faults()).isEmpty();
    }
    assertThat(raise(NIC, 0, 39)).containsExactly(message(0x40), message(0x67));
    assertThat(machine.violations().all()).isEmpty();
  }

  @Test
  void severalMessagesOfMsiLeadWhereTheyLed() {
    ConfigSpace config = machine.pci().config(DISK);
    MsiCapability msi = MsiCapability.of(config).orElseThrow();
    config.write32(msi.addressOffset(), (int) ADDRESS);
    config.write16(msi.dataOffset(), 0x58);
    enable(DISK);
    config.write16(msi.controlOffset(), 3 << 4 | 1);
    try (Bench bench = Bench.open(machine)) {
      bench.guestWithDevice("guest");
      assertThat(raise(DISK, 0, 5, 7)).containsExactly(message(0x58), message(0x5d), message(0x5f));
      assertThat(bench.faults()).isEmpty();
    }
    assertThat(raise(DISK, 6)).containsExactly(message(0x5e));
    assertThat(config.read32(msi.maskOffset().orElseThrow())).isZero();
  }

  /** What comes up while formats change is not lost: masked it waits, and is sent once. */
  @Test
  void whatComesUpDuringTheStartArrivesAfterIt() {
    set(table(), 0, message(0x41), 0);
    enable(NIC);
    ConfigSpace config = machine.pci().config(NIC);
    int control = MsixCapability.of(config).orElseThrow().controlOffset();
    boolean[] raised = new boolean[1];
    MachineDecorator hooked =
        new MachineDecorator(machine) {
          @Override
          protected void write(RegisterBlock block, long offset, int widthBytes, long value) {
            super.write(block, offset, widthBytes, value);
            boolean held = (config.read16(control) & MsixCapability.FUNCTION_MASK) != 0;
            if (held && !raised[0]) {
              raised[0] = true;
              assertThat(raise(NIC, 0)).as("while it is held").isEmpty();
            }
          }
        };
    try (Bench bench = Bench.open(hooked)) {
      bench.guestWithDevice("guest");
      assertThat(raised[0]).isTrue();
      assertThat(arrived()).containsExactly(message(0x41));
    }
  }
}
