package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.core.HostMessages;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsiCapability;
import dev.vmm.pci.PciCommand;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the host's functions signal arrives whether or not interrupts are remapped. */
abstract class HostInterruptsContract extends ContractPart {
  private static final MsiMessage MESSAGE = new MsiMessage(0xfee0_3000L, 0x4061);
  private static final MsiMessage SECOND = new MsiMessage(0xfee0_400cL, 0x4162);
  private static final InterruptTarget TARGET = InterruptTarget.of(MESSAGE);

  /** A function of the host with MSI, which the test leaves as it was. */
  private final class Signaller implements AutoCloseable {
    final Rid rid;
    private final ConfigSpace config;
    private final MsiCapability msi;
    private final int command;

    Signaller(Rid rid) {
      this.rid = rid;
      config = stage().machine().pci().config(rid);
      msi = MsiCapability.of(config).orElseThrow();
      command = config.read16(PciCommand.OFFSET);
    }

    void turnOn(MsiMessage message) {
      config.write16(msi.controlOffset(), 0);
      config.write32(msi.addressOffset(), (int) message.address());
      msi.upperAddressOffset().ifPresent(at -> config.write32(at, 0));
      config.write16(msi.dataOffset(), message.data());
      config.write16(PciCommand.OFFSET, command | PciCommand.BUS_MASTER);
      config.write16(msi.controlOffset(), 1);
    }

    MsiMessage programmed() {
      return new MsiMessage(
          Integer.toUnsignedLong(config.read32(msi.addressOffset())),
          config.read16(msi.dataOffset()));
    }

    boolean isOn() {
      return (config.read16(msi.controlOffset()) & 1) != 0;
    }

    @Override
    public void close() {
      config.write16(msi.controlOffset(), 0);
      config.write32(msi.addressOffset(), 0);
      config.write16(msi.dataOffset(), 0);
      config.write16(PciCommand.OFFSET, command);
    }
  }

  private Signaller signaller(int number) {
    needs(Capability.INTERRUPT_REMAPPING);
    List<Rid> able =
        stage().endpoints().stream()
            .skip(1) // the guest's
            .filter(rid -> MsiCapability.of(stage().machine().pci().config(rid)).isPresent())
            .toList();
    assumeTrue(able.size() > number, "functions for the host that have MSI");
    return new Signaller(able.get(number));
  }

  private InterruptPort port() {
    Optional<InterruptPort> port = InterruptPort.of(stage().machine());
    assumeTrue(port.isPresent(), "the machine shows which interrupts arrive");
    port.orElseThrow().arrived();
    return port.orElseThrow();
  }

  private static void expect(InterruptPort port, Rid rid, InterruptTarget target, String when) {
    port.raise(rid, 0);
    assertThat(port.arrived()).as("what %s signals %s", rid, when).containsExactly(target);
  }

  @Test
  void whatIsOnBeforeTheStartArrivesFromThereToTheCloseAndIsNobodyElses() {
    InterruptPort port = port();
    try (Signaller host = signaller(0)) {
      host.turnOn(MESSAGE);
      expect(port, host.rid, TARGET, "before the start");
      try (Bench bench = stage().bench()) {
        bench.guestWithDevice("guest");
        expect(port, host.rid, TARGET, "with the I/O MMU on");
        assertThat(bench.faults()).as("faults").isEmpty();

        MsiMessage used = host.programmed();
        port.send(bench.rid(), used);
        port.send(bench.rid(), MESSAGE);
        assertThat(port.arrived()).as("the host's message from a guest's device").isEmpty();
        bench.faults();

        bench.ppt().attach(host.rid);
        port.send(host.rid, used);
        port.send(host.rid, MESSAGE);
        assertThat(port.arrived()).as("its messages once it is attached").isEmpty();
        bench.faults();
        bench.ppt().detach(host.rid);
        expect(port, host.rid, TARGET, "when the host has it again");
        assertThat(bench.faults()).as("faults").isEmpty();
      }
      expect(port, host.rid, TARGET, "after the close");
      assertThat(host.programmed()).isEqualTo(MESSAGE);
      assertThat(host.isOn()).isTrue();
    }
  }

  @Test
  void whatIsTurnedOnLaterArrivesIfItsDriverAsksAndElseAfterTheNextLook() {
    InterruptPort port = port();
    try (Signaller host = signaller(0);
        Bench bench = stage().bench()) {
      bench.guestWithDevice("guest");
      try (HostMessages messages = bench.vmm().iommu().hostMessages(host.rid, MESSAGE, 1)) {
        host.turnOn(messages.first());
        expect(port, host.rid, TARGET, "as it asked");
      }
      host.turnOn(SECOND);
      bench.vmm().iommu().rescan();
      expect(port, host.rid, InterruptTarget.of(SECOND), "found by a look");
    }
  }
}
