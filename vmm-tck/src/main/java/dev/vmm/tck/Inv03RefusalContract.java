package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import org.junit.jupiter.api.Test;

/** Where no I/O MMU can be used, attach says so, and why. */
abstract class Inv03RefusalContract extends ContractPart {
  @Test
  void i03_theTunableForbidsAndTheDeviceStaysAsItWas() {
    refusedWith("hw.vmm.iommu.enable", "0", IommuState.DISABLED);
  }

  @Test
  void i03_aBackEndThatIsNotThereIsTheReason() {
    refusedWith("hw.vmm.iommu.backend", "no-such-back-end", IommuState.OFF);
  }

  private void refusedWith(String tunable, String value, IommuState state) {
    try (Bench bench = stage().bench(stage().subject().tunables().with(tunable, value))) {
      int command = bench.command(bench.rid());
      refused(Errno.ENXIO, () -> bench.ppt().attach(bench.rid()), Presence.REFUSAL + ": ", tunable);
      assertThat(bench.command(bench.rid())).isEqualTo(command);
      assertThat(bench.ppt().devices()).isEmpty();
      assertThat(stage().machine().accesses()).isEmpty();
      assertThat(bench.vmm().iommu().state()).isEqualTo(state);
      VirtualMachine vm = bench.guest("plain");
      vm.bus().store64(0, 1);
      assertThat(vm.bus().load64(0)).isEqualTo(1);
    }
  }

  @Test
  void i03_theBackEndUnderTestIsTheOneThatIsChosen() {
    try (Bench bench = stage().bench()) {
      Presence presence = bench.vmm().iommu().present();
      assertThat(presence.usable()).as("%s", presence).isTrue();
      assertThat(presence.backend()).isEqualTo(stage().subject().backend());
      assertThat(stage().machine().accesses()).isEmpty();
    }
  }
}
