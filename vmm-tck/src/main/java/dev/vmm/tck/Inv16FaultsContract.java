package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngine;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Each fault is told once, to those who asked, with all that the unit knows. */
abstract class Inv16FaultsContract extends ContractPart {
  @Test
  void i16_aFaultIsToldOnceWithUnitDeviceOwnerAddressDirectionAndReason() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guestWithDevice("guest");
      DmaEngine engine = bench.guestEngine(vm);
      long hole = 0x0080_0000;
      byte[] before = bench.hostBytes(hole, 64);
      List<OwnedFault> heard = new ArrayList<>();
      try (var listening = bench.vmm().iommu().onFault(heard::add)) {
        assertThat(listening).isNotNull();
        engine.fromMemory(0, 0, 64);
        engine.toMemory(0, hole, 64);
        assertThat(bench.hostBytes(hole, 64)).isEqualTo(before);
        List<OwnedFault> told = bench.faults();
        assertThat(heard).isEqualTo(told);
        if (!stage().has(Capability.FAULT_REPORTS)) {
          assertThat(told).isEmpty();
          return;
        }
        assertThat(told).as("one DMA, one fault").hasSize(1);
        OwnedFault fault = told.get(0);
        assertThat(fault.domain()).isEqualTo("vm:guest");
        assertThat(fault.fault().rid()).isEqualTo(bench.rid());
        assertThat(fault.fault().iova()).isEqualTo(hole);
        assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
        assertThat(fault.fault().unit()).isNotBlank();
        assertThat(fault.fault().reason()).isNotBlank();
        assertThat(bench.faults()).as("a fault is told once").isEmpty();
        engine.fromMemory(hole + 0x3000, 0, 64);
        assertThat(bench.faults())
            .singleElement()
            .satisfies(
                read -> {
                  assertThat(read.fault().access()).isEqualTo(Access.READ);
                  assertThat(read.fault().iova()).isEqualTo(hole + 0x3000);
                });
      }
    }
  }

  @Test
  void i16_aWriteToReadOnlyMemoryIsBlockedAndTold() {
    try (Bench bench = stage().bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x2000_0000, 0x2000, Access.READ);
      bench.bareDevice().assign(vm);
      vm.bus().storeBytes(0, Bench.pattern(3, 64));
      bench.asHost(
          engine -> {
            engine.fromMemory(0, 0, 64);
            engine.fromMemory(0x2000_0000, 64, 64);
          });
      assertThat(bench.faults()).isEmpty();

      // Not the page that was read: QEMU records no fault where its IOTLB has a read-only entry.
      bench.asHost(engine -> engine.toMemory(0, 0x2000_1000, 64));

      assertThat(vm.bus().loadBytes(0x2000_1000, 64)).containsOnly(0);
      assertThat(bench.faults())
          .hasSize(stage().has(Capability.FAULT_REPORTS) ? 1 : 0)
          .allMatch(fault -> fault.fault().access() == Access.WRITE);
    }
  }
}
