package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.MemorySegment;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.ppt.PptState;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/**
 * What the platform promises of DMA, on a VT-d unit and devices that others wrote; with the start's
 * promises before it.
 */
abstract class PassThroughContract extends StartContract {
  private static final long IQT = 0x88;

  /** Where ECAP.IRO of QEMU's unit puts it. */
  private static final long IOTLB = 0xf8;

  PassThroughContract(String machineName, Map<String, String> tunables) {
    super(machineName, tunables);
  }

  @Test
  void i05_theNextDmaAfterAnUnmapFaults() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(5, 256);
      vm.bus().storeBytes(0x1000_0000, sent);
      engine.fromMemory(0x1000_0000, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);
      assertThat(vm.bus().loadBytes(0x1000_4000, 256)).isEqualTo(sent);
      long hpa = vm.memory().get(1).hpa();
      assertThat(bench.faults()).isEmpty();

      vm.removeMemory(0x1000_0000);
      byte[] before = new byte[256];
      machine().memory().readBytes(hpa + 0x4000, before, 0, 256);
      engine.fromMemory(0, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);

      byte[] after = new byte[256];
      machine().memory().readBytes(hpa + 0x4000, after, 0, 256);
      assertThat(after).isEqualTo(before);
      assertThat(bench.faults())
          .anySatisfy(
              fault -> {
                assertThat(fault.fault().rid()).isEqualTo(bench.edu);
                assertThat(fault.fault().iova()).isEqualTo(0x1000_4000);
                assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
                assertThat(fault.domain()).isEqualTo("vm:guest");
              });
    }
  }

  @Test
  void i05_oneUnmapOfALargeRangeIsOneInvalidation() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x4000_0000, 0x800_0000, Access.READ_WRITE);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      machine().forget();

      vm.removeMemory(0x4000_0000);

      // By the queue's tail or by the register, whichever the unit is told with.
      assertThat(machine().writesTo(IQT).size() + machine().writesTo(IOTLB).size()).isEqualTo(1);
    }
  }

  @Test
  void guestDmaGoesBothWaysThroughGpas() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      int length = engine.bufferBytes();
      byte[] sent = Bench.pattern(1, length);
      vm.bus().storeBytes(0x20_0000, sent);

      engine.fromMemory(0x20_0000, 0, length);
      engine.toMemory(0, 0x1000_1000, length);

      assertThat(vm.bus().loadBytes(0x1000_1000, length)).isEqualTo(sent);
      assertThat(vm.memory())
          .allSatisfy(segment -> assertThat(segment.hpa()).isNotEqualTo(segment.gpa()));
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void dmaOutsideTheGuestIsBlockedAndTold() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      long hole = 0x0080_0000;
      byte[] before = new byte[64];
      machine().memory().readBytes(hole, before, 0, 64);
      vm.bus().storeBytes(0, Bench.pattern(2, 64));
      engine.fromMemory(0, 0, 64);
      engine.toMemory(0, hole, 64);

      byte[] after = new byte[64];
      machine().memory().readBytes(hole, after, 0, 64);
      assertThat(after).isEqualTo(before);
      assertThat(bench.faults())
          .singleElement()
          .satisfies(
              fault -> {
                assertThat(fault.domain()).isEqualTo("vm:guest");
                assertThat(fault.fault().rid()).isEqualTo(bench.edu);
                assertThat(fault.fault().iova()).isEqualTo(hole);
                assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
                assertThat(fault.fault().reasonCode()).isEqualTo(5);
              });
      assertThat(bench.faults()).as("a fault is told once").isEmpty();
    }
  }

  @Test
  void readOnlyGuestMemoryCannotBeWrittenByTheDevice() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x2000_0000, 0x2000, Access.READ);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      vm.bus().storeBytes(0, Bench.pattern(3, 64));
      engine.fromMemory(0, 0, 64);
      engine.fromMemory(0x2000_0000, 64, 64);
      assertThat(bench.faults()).isEmpty();

      // Not the page that was read: QEMU records no fault where its IOTLB has a read-only entry.
      engine.toMemory(0, 0x2000_1000, 64);

      assertThat(vm.bus().loadBytes(0x2000_1000, 64)).containsOnly(0);
      assertThat(bench.faults())
          .extracting(fault -> fault.fault().access())
          .containsExactly(Access.WRITE);
    }
  }

  @Test
  void memoryAddedAfterTheAssignIsReachable() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      vm.addMemory(0x3000_0000, 0x2000, Access.READ_WRITE);
      byte[] sent = Bench.pattern(4, 512);
      vm.bus().storeBytes(0x3000_0000, sent);

      engine.fromMemory(0x3000_0000, 0, 512);
      engine.toMemory(0, 0x3000_1000, 512);

      assertThat(vm.bus().loadBytes(0x3000_1000, 512)).isEqualTo(sent);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void twoGuestsWithTheSameGpasReachOnlyTheirOwnMemory() {
    try (Bench bench = bench()) {
      VirtualMachine one = bench.guest("one");
      VirtualMachine two = bench.guest("two");
      bench.ppt.attach(bench.edu);
      byte[] first = Bench.pattern(11, 128);
      byte[] second = Bench.pattern(12, 128);
      one.bus().storeBytes(0x1000, first);
      two.bus().storeBytes(0x1000, second);
      bench.ppt.assign(bench.edu, one);
      DmaEngine engine = bench.guestEngine(one);
      engine.fromMemory(0x1000, 0, 128);
      bench.ppt.unassign(bench.edu, one);

      bench.ppt.assign(bench.edu, two);
      engine = bench.guestEngine(two);
      engine.toMemory(0, 0x1000, 128);

      assertThat(one.bus().loadBytes(0x1000, 128)).isEqualTo(first);
      assertThat(two.bus().loadBytes(0x1000, 128)).isEqualTo(first);
      engine.fromMemory(0x2000, 0, 128);
      engine.toMemory(0, 0x1000, 128);
      assertThat(two.bus().loadBytes(0x1000, 128)).containsOnly(0);
      assertThat(one.bus().loadBytes(0x1000, 128)).isEqualTo(first);
    }
  }

  @Test
  void guestMemoryIsMappedWithLargePages() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DeviceEntryReport entry = bench.entry(bench.edu).orElseThrow();
      var domain =
          bench.unit().domains().stream()
              .filter(d -> d.tableRoot() == entry.tableRoot())
              .findFirst()
              .orElseThrow();
      assertThat(domain.problems()).isEmpty();
      Map<Long, Long> mapped = new TreeMap<>();
      domain.mappings().forEach(m -> mapped.put(m.iova(), m.lengthBytes()));
      assertThat(mapped)
          .containsExactlyInAnyOrderEntriesOf(Map.of(0L, 0x40_0000L, 0x1000_0000L, 0x10_0000L));
      assertThat(domain.mappings().get(0).pageSizes()).isEqualTo(0x20_0000);
      for (MemorySegment segment : vm.memory()) {
        assertThat(domain.mappings())
            .anySatisfy(
                m -> {
                  assertThat(m.iova()).isEqualTo(segment.gpa());
                  assertThat(m.hpa()).isEqualTo(segment.hpa());
                });
      }
    }
  }

  @Test
  void i07_destroyUnassignsQuiescesAndBlocks() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      MemorySegment segment = vm.memory().get(0);

      vm.close();

      assertThat(bench.ppt.device(bench.edu).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.command(bench.edu) & 0x7).isZero();
      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("blocked");
      DeviceEntryReport blocked = bench.entry(bench.edu).orElseThrow();
      assertThat(bench.unit().domains().stream().filter(d -> d.tableRoot() == blocked.tableRoot()))
          .singleElement()
          .satisfies(domain -> assertThat(domain.mappings()).isEmpty());
      // Even a device that is told to go on reaches nothing.
      machine().memory().write64(segment.hpa(), 0x5a5a5a5aL);
      bench.machine.pci().config(bench.edu).write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      bench.hostEngine().toMemory(0, segment.hpa(), 64);
      bench.machine.pci().config(bench.edu).write16(Bench.COMMAND, 0);
      assertThat(machine().memory().read64(segment.hpa())).isEqualTo(0x5a5a5a5aL);
      assertThat(bench.faults()).extracting(OwnedFault::domain).containsExactly("blocked");
    }
  }

  @Test
  void i08_homeIsBlockedWhileAttachedAndTheHostDomainAfterDetach() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      int found = bench.command(bench.edu);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      bench.ppt.unassign(bench.edu, vm);
      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("blocked");

      bench.ppt.detach(bench.edu);

      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("host");
      assertThat(bench.command(bench.edu)).isEqualTo(found);
      ConfigSpace config = machine().pci().config(bench.edu);
      config.write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      long hpa = machine().memory().allocate(0x2000, 0x1000);
      byte[] sent = Bench.pattern(8, 1024);
      machine().memory().writeBytes(hpa, sent, 0, 1024);
      DmaEngine engine = bench.hostEngine();
      engine.fromMemory(hpa, 0, 1024);
      engine.toMemory(0, hpa + 0x1000, 1024);
      byte[] received = new byte[1024];
      machine().memory().readBytes(hpa + 0x1000, received, 0, 1024);
      assertThat(received).isEqualTo(sent);
      config.write16(Bench.COMMAND, found);
      machine().memory().free(hpa, 0x2000);
    }
  }
}
