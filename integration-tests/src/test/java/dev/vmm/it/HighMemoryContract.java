package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptState;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * A machine with RAM above 4 GiB and a second root bus with a device behind it: addresses and
 * requester ids that do not fit where small ones do.
 */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class HighMemoryContract {
  private static final long GIB = 1L << 30;
  private static final long HIGH = 4 * GIB;
  private static final long SIZE = 0x40_0000;
  private static final String SECOND_ROOT =
      ",ram=3G,device='pxb-pcie,id=px,bus_nr=0x80,bus=pcie.0'"
          + ",device='pcie-root-port,bus=px,id=rpx,chassis=9'"
          + ",device='edu,bus=rpx,dma_mask=0xffffffffffffffff'";

  private final String machineName;
  private final int bits;
  private Machine machine;

  HighMemoryContract(String machineName, int bits) {
    this.machineName = machineName;
    this.bits = bits;
  }

  @BeforeAll
  void startMachine() {
    machine = Machines.open(machineName + SECOND_ROOT);
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }

  /** Sends bytes through the device and back, from one gpa to another. */
  private static void copies(VirtualMachine vm, DmaEngine engine, long from, long to, long seed) {
    byte[] sent = Bench.pattern(seed, 512);
    vm.bus().storeBytes(from, sent);
    engine.fromMemory(from, 0, 512);
    engine.toMemory(0, to, 512);
    assertThat(vm.bus().loadBytes(to, 512)).isEqualTo(sent);
  }

  @Test
  void theHostDomainIsOneToOneOverAllRamWithTheLargestPages() {
    try (Bench bench = Bench.open(machine)) {
      bench.ppt().attach(bench.rid());
      bench.ppt().assign(bench.rid(), bench.guest("guest"));

      DeviceEntryReport nvme =
          bench.entry(Bench.function(machine, 0x1b36, 0x0010).rid()).orElseThrow();
      DomainReport host =
          bench.unit().domains().stream()
              .filter(d -> d.tableRoot() == nvme.tableRoot())
              .findFirst()
              .orElseThrow();
      assertThat(host.mappings())
          .containsExactly(
              new MappingReport(0, 0, 2 * GIB, Access.READ_WRITE, GIB),
              new MappingReport(HIGH, HIGH, GIB, Access.READ_WRITE, GIB));
      assertThat(host.problems()).isEmpty();
      assertThat(host.levels()).isEqualTo(nvme.levels());
    }
  }

  @Test
  void hpasAndGpasAbove4GibAreReachedByDma() {
    long hpa = machine.memory().allocate(SIZE, HIGH);
    assertThat(hpa).isGreaterThanOrEqualTo(HIGH);
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.vmm().createVm("high");
      vm.addMemory(new MemorySegment(0, hpa, SIZE, Access.READ_WRITE));
      vm.addMemory(2 * HIGH, SIZE, Access.READ_WRITE);
      bench.ppt().attach(bench.rid());
      bench.ppt().assign(bench.rid(), vm);
      DmaEngine engine = bench.guestEngine(vm);

      copies(vm, engine, 0x1000, 2 * HIGH + 0x2000, 1);
      copies(vm, engine, 2 * HIGH + 0x2000, SIZE - 512, 2);

      byte[] seen = new byte[512];
      machine.memory().readBytes(hpa + SIZE - 512, seen, 0, 512);
      assertThat(seen).isEqualTo(Bench.pattern(2, 512));
      assertThat(bench.faults()).isEmpty();
    } finally {
      machine.memory().free(hpa, SIZE);
    }
  }

  @Test
  void aGpaBeyondTheUnitsReachRefusesTheAssignAndChangesNothing() {
    long allocated = machine.memory().allocatedBytes();
    try (Bench bench = Bench.open(machine)) {
      int command = bench.command(bench.rid());
      VirtualMachine vm = bench.vmm().createVm("far");
      vm.addMemory(0, SIZE, Access.READ_WRITE);
      vm.addMemory(1L << bits, SIZE, Access.READ_WRITE);
      bench.ppt().attach(bench.rid());

      assertThatThrownBy(() -> bench.ppt().assign(bench.rid(), vm))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
          .hasMessageContaining("0x%x", (1L << bits) + SIZE - 1)
          .hasMessageContaining(String.valueOf(bits));

      assertThat(vm.devices()).isEmpty();
      assertThat(vm.domain()).isEmpty();
      assertThat(vm.memory()).hasSize(2);
      assertThat(bench.ppt().device(bench.rid()).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
      assertThat(bench.vmm().iommu().domainNameOf(bench.rid())).hasValue("blocked");
      assertThat(bench.command(bench.rid()) & 0x7).isZero();

      // Without what is too far the same VM takes the same device.
      vm.removeMemory(1L << bits);
      bench.ppt().assign(bench.rid(), vm);
      copies(vm, bench.guestEngine(vm), 0x1000, 0x3000, 3);
      bench.ppt().unassign(bench.rid(), vm);
      bench.ppt().detach(bench.rid());
      assertThat(bench.command(bench.rid())).isEqualTo(command);
    }
    assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
  }

  @Test
  void memoryBeyondTheReachOfTheDomainIsRefusedWhileADeviceIsAssigned() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().attach(bench.rid());
      bench.ppt().assign(bench.rid(), vm);
      List<MemorySegment> before = vm.memory();
      long allocated = machine.memory().allocatedBytes();

      for (long gpa : new long[] {1L << bits, (1L << bits) - 0x1000, 1L << 52}) {
        assertThatThrownBy(() -> vm.addMemory(gpa, 0x2000, Access.READ_WRITE))
            .isInstanceOfSatisfying(
                VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
            .hasMessageContaining("0x%x", gpa);
      }

      assertThat(vm.memory()).isEqualTo(before);
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      // The last page that every domain reaches.
      vm.addMemory((1L << 39) - 0x1000, 0x1000, Access.READ_WRITE);
      copies(vm, bench.guestEngine(vm), 0x1000, (1L << 39) - 0x1000, 4);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void aDeviceBehindTheSecondRootBusIsPassedThroughByItsOwnRequesterId() {
    PciFunction far =
        machine.pci().functions().stream()
            .filter(f -> f.vendorId() == 0x1234 && f.rid().bus() > 0x80)
            .findFirst()
            .orElseThrow();
    assertThat(far.bridge().orElseThrow().bus()).isEqualTo(0x80);
    Rid rid = far.rid();
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt().attach(rid);
      bench.ppt().assign(rid, vm);
      DmaEngine engine = bench.guestEngine(vm, rid, Bench.GUEST_BAR);

      copies(vm, engine, 0x1000, 0x1000_0000, 5);
      assertThat(bench.faults()).isEmpty();
      engine.toMemory(0, 0x80_0000, 64);

      assertThat(bench.faults())
          .singleElement()
          .satisfies(
              fault -> {
                assertThat(fault.fault().rid()).isEqualTo(rid);
                assertThat(fault.domain()).isEqualTo("vm:guest");
              });
      assertThat(bench.vmm().iommu().domainNameOf(rid)).hasValue("vm:guest");
      assertThat(bench.vmm().iommu().domainNameOf(far.bridge().get())).hasValue("host");
      assertThat(bench.entry(rid).orElseThrow().tableRoot())
          .isNotEqualTo(bench.entry(bench.rid()).orElseThrow().tableRoot());
    }
  }
}
