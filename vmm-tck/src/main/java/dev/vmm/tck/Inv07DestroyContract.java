package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.MemorySegment;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.ppt.PptState;
import org.junit.jupiter.api.Test;

/** A VM's devices are out of its memory before the memory is anybody else's. */
abstract class Inv07DestroyContract extends ContractPart {
  @Test
  void i07_destroyUnassignsQuiescesAndBlocks() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      MemorySegment segment = vm.memory().get(0);

      vm.close();

      assertThat(bench.ppt().device(bench.rid()).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.command(bench.rid()) & 0x7).isZero();
      assertThat(bench.domainOf(bench.rid())).hasValue("blocked");
      // Even a device that is told to go on reaches nothing: neither the old memory by its gpa nor
      // any by its hpa.
      long page = stage().machine().memory().allocatePage();
      try {
        byte[] before = bench.hostBytes(segment.hpa(), 64);
        for (long target : new long[] {page, segment.gpa()}) {
          bench.asHost(engine -> engine.toMemory(0, target, 64));
          assertThat(bench.faults())
              .hasSize(stage().has(Capability.FAULT_REPORTS) ? 1 : 0)
              .extracting(OwnedFault::domain)
              .allMatch("blocked"::equals);
        }
        assertThat(bench.hostBytes(page, 64)).containsOnly(0);
        assertThat(bench.hostBytes(segment.hpa(), 64)).isEqualTo(before);
      } finally {
        stage().machine().memory().free(page, 0x1000);
      }
    }
  }

  @Test
  void i07_aPlatformThatIsClosedTakesTheDevicesFromTheGuestsFirst() {
    long allocated = stage().machine().memory().allocatedBytes();
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");

      bench.vmm().close();

      assertThat(vm.destroyed()).isTrue();
      assertThat(bench.ppt().device(bench.rid()).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.command(bench.rid()) & 0x7).isZero();
      assertThat(stage().machine().memory().allocatedBytes()).isEqualTo(allocated);
    }
  }
}
