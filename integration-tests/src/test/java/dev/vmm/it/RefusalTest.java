package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * A machine without I/O MMU: attach says so, plain VMs work, and pass-through without asking ppt
 * fails alike.
 */
@RequiresQemu
final class RefusalTest {
  @Test
  void i03_aMachineWithoutUnitsRefusesAttachAndRunsPlainVms() {
    try (Machine machine = Machines.open("qemu:none");
        Bench bench = Bench.open(machine, Tunables.of(Map.of("pptdevs", "31/31/7")))) {
      int command = bench.command(bench.rid());
      assertThatThrownBy(() -> bench.ppt().attach(bench.rid()))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL)
          .hasMessageContaining("DMAR");
      assertThat(bench.command(bench.rid())).isEqualTo(command);

      VirtualMachine vm = bench.guest("plain");
      vm.bus().store32(0x3000, 0xcafe);
      assertThat(vm.bus().load32(0x3000)).isEqualTo(0xcafe);
      assertThatThrownBy(() -> bench.ppt().assign(bench.rid(), vm))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOENT));
      assertThat(bench.vmm().sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
    }
  }
}
