package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.tck.BackendContract;
import dev.vmm.tck.Bench;
import dev.vmm.tck.Capability;
import dev.vmm.tck.TckSubject;
import dev.vmm.tck.WatchedMachine;
import dev.vmm.testing.RequiresQemu;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/**
 * The contract on an AMD-Vi unit that others wrote. QEMU 7.2's logs no event for an unmapped
 * access, and its IVHD does not say that the unit snoops.
 */
@RequiresQemu
final class QemuAmdTest extends BackendContract {
  private static final long UNIT = 0xfed80000L;
  private static final long CONTROL = UNIT + 0x18;
  private static final long COMMAND_TAIL = UNIT + 0x2008;

  @Override
  protected TckSubject subject() {
    return TckSubject.of("amd-vi", "qemu:amd")
        .with(
            Capability.INSPECTION,
            Capability.SUPERPAGES,
            Capability.INTERRUPT_REMAPPING,
            Capability.VIRTUAL_FUNCTIONS);
  }

  @Nested
  @DisplayName("AMD-Vi")
  final class AmdVi {
    @Test
    void i05_oneUnmapOfALargeRangeIsOneInvalidation() {
      try (Bench bench = stage().bench()) {
        VirtualMachine vm = bench.guestWithBareDevice("guest");
        vm.addMemory(0x4000_0000, 0x800_0000, Access.READ_WRITE);
        stage().machine().forget();

        vm.removeMemory(0x4000_0000);

        assertThat(stage().machine().writesTo(COMMAND_TAIL)).hasSize(1);
      }
    }

    @Test
    void i04_i14_translationIsTurnedOnOnceAndNoWriteDropsIt() {
      stage().machine().forget();
      try (Bench bench = stage().bench()) {
        bench.guestWithBareDevice("first").close();
        VirtualMachine vm = bench.guestWithBareDevice("guest");
        vm.addMemory(0x3000_0000, 0x1000, Access.READ_WRITE);
        vm.removeMemory(0x3000_0000);
        vm.close();
        List<WatchedMachine.Access> writes = stage().machine().writesTo(CONTROL);
        long[] on = writes.stream().mapToLong(write -> write.value() & 1).toArray();
        assertThat(LongStream.of(on).sum()).as("writes of CONTROL with IommuEn").isEqualTo(1);
        assertThat(on[on.length - 1]).as("the last of them").isEqualTo(1);
      }
    }
  }
}
