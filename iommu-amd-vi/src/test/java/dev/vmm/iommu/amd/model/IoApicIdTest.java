package dev.vmm.iommu.amd.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Obstacle.Kind;
import dev.vmm.core.policy.VmNeed;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.pci.Rid;
import dev.vmm.tck.Bench;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A function with the requester id of the I/O APIC, as a south bridge's SMBus controller has it.
 */
class IoApicIdTest {
  private static final Rid SMBUS = Rid.parse("00:14.0");
  private static final byte[] WORD = new byte[8];
  private static final byte[] MESSAGE = {0x41, 0, 0, 0};

  private static ModelMachine machine() {
    ModelMachineBuilder builder = ModelMachineBuilder.amd();
    return builder
        .root(
            0,
            0,
            bus -> {
              bus.add(0, FunctionSpec.hostBridge());
              bus.add(2, EduDevice.function(builder.timer(), EduDevice.DEFAULT_DELAY_NANOS));
              bus.add(0x14, EduDevice.function(builder.timer(), EduDevice.DEFAULT_DELAY_NANOS));
            })
        .build();
  }

  private static boolean interrupts(ModelMachine machine) {
    machine.dmaWrite(SMBUS, 0xfee0_1000L, MESSAGE);
    return !machine.interrupts().take().isEmpty();
  }

  /** Before the I/O MMU is on and after, the verdict says what the assign does. */
  private static void expectTold(Bench bench) {
    List<Obstacle> obstacles = bench.ppt().verdict(SMBUS, VmNeed.UNKNOWN).obstacles();
    assertThat(obstacles)
        .filteredOn(Obstacle::blocks)
        .singleElement()
        .satisfies(
            obstacle -> {
              assertThat(obstacle.kind()).isEqualTo(Kind.INTERRUPT_CONTROLLER_ID);
              assertThat(obstacle.errno()).isEqualTo(Errno.EPERM);
              assertThat(obstacle.evidence())
                  .singleElement()
                  .asString()
                  .matches(
                      "IVRS offset 0x\\w+ IVHD.*: the messages of I/O APIC 0x0 carry 0000:00:14.0");
            });
    assertThat(bench.ppt().verdict(bench.rid(), VmNeed.UNKNOWN).obstacles())
        .noneMatch(obstacle -> obstacle.kind() == Kind.INTERRUPT_CONTROLLER_ID);
  }

  /** Its DMA is stopped while it is parked; the I/O APIC's messages are the host's and pass. */
  @Test
  void i04_aFunctionWithTheIoApicsIdCanBeParkedAndKeepsNobodyFromStarting() {
    try (ModelMachine machine = machine()) {
      try (Bench bench = Bench.open(machine)) {
        bench.ppt().attach(SMBUS);
        expectTold(bench);
        long hpa = bench.guestWithDevice("guest").memory().get(0).hpa();
        assertThat(machine.dmaWrite(SMBUS, hpa, WORD)).as("parked").isFalse();
        assertThat(interrupts(machine)).isTrue();

        expectTold(bench);
        VirtualMachine other = bench.guest("other");
        assertThatThrownBy(() -> bench.ppt().assign(SMBUS, other))
            .hasMessageContaining("an I/O APIC's or HPET's messages carry that requester id too")
            .isInstanceOfSatisfying(
                VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EPERM));
        assertThat(machine.dmaWrite(SMBUS, 0, WORD)).as("parked still").isFalse();

        bench.ppt().detach(SMBUS);
        assertThat(machine.dmaWrite(SMBUS, hpa, WORD)).as("the host's, 1:1").isTrue();
        bench.ppt().attach(SMBUS);
        assertThat(machine.dmaWrite(SMBUS, hpa, WORD)).as("parked again").isFalse();
        assertThat(interrupts(machine)).isTrue();
      }
      assertThat(machine.violations().all()).isEmpty();
    }
  }
}
