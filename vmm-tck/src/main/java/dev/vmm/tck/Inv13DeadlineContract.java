package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** A unit that does not answer is an error in bounded time. */
abstract class Inv13DeadlineContract extends ContractPart {
  private static final long LIMIT_SECONDS = 30;

  @Test
  void i04_i13_aUnitThatHearsNothingFailsTheStartInTimeAndTheNextAssignStartsIt() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      long start = System.nanoTime();
      stage().machine().loseWrites(true);
      try {
        refused(Errno.ENXIO, () -> bench.bareDevice().assign(vm), Presence.REFUSAL);
      } finally {
        stage().machine().loseWrites(false);
      }
      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(LIMIT_SECONDS));
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.FAILED);
      assertThat(bench.vmm().iommu().failure().orElseThrow().errno())
          .as("%s", bench.vmm().iommu().failure())
          .isIn(Errno.ETIMEDOUT, Errno.EIO);
      assertThat(vm.domain()).isEmpty();

      bench.bareDevice().assign(vm);

      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
      assertThat(bench.domainOf(bench.rid())).hasValue("vm:guest");
    }
  }
}
