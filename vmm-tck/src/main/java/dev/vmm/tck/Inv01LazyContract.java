package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.spi.ProbeResult;
import org.junit.jupiter.api.Test;

/** Nothing touches the I/O MMU until a device is first given to a guest. */
abstract class Inv01LazyContract extends ContractPart {
  @Test
  void i01_probeTouchesNoRegister() {
    assertThat(stage().provider().probe(stage().machine())).isInstanceOf(ProbeResult.Present.class);
    assertThat(stage().machine().accesses()).isEmpty();
  }

  @Test
  void i01_plainVmsAndAttachTouchNoRegister() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("plain");
      vm.bus().store64(0x1000, 0x1122334455667788L);
      assertThat(vm.bus().load64(0x1000)).isEqualTo(0x1122334455667788L);
      bench.ppt().attach(bench.rid());
      vm.close();

      assertThat(stage().machine().accesses()).isEmpty();
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.OFF);
      assertThat(bench.vmm().sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      assertThat(bench.command(bench.rid()) & 0x7)
          .as("command register of the ppt device")
          .isZero();
      if (stage().has(Capability.INSPECTION)) {
        assertThat(stage().units()).isNotEmpty().noneMatch(unit -> unit.enabled());
      }
    }
  }
}
