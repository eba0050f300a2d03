package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A unit that is on belongs to somebody. */
abstract class Inv11OneOwnerContract extends ContractPart {
  @Test
  void i11_aUnitThatIsOnAlreadyBelongsToSomebodyElse() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      try (SpiSession owner = stage().session()) {
        owner.iommu().move(List.of(bench.rid()), owner.domain("theirs"));
        owner.iommu().enable();
        long allocated = stage().machine().memory().allocatedBytes();
        stage().machine().forget();

        refused(Errno.EBUSY, () -> stage().session().close());
        refused(Errno.ENXIO, () -> bench.bareDevice().assign(vm), Presence.REFUSAL, "EBUSY");

        assertThat(bench.vmm().iommu().failure().orElseThrow().errno()).isEqualTo(Errno.EBUSY);
        assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.FAILED);
        assertThat(stage().machine().accesses()).noneMatch(WatchedMachine.Access::write);
        assertThat(stage().machine().memory().allocatedBytes()).isEqualTo(allocated);
        assertThat(owner.iommu().enabled()).isTrue();
      }
      // Its owner let it go: the next assign tries again.
      bench.bareDevice().assign(vm);
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
    }
  }
}
