package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Bar;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.MsixCapability;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Several functions at once, and what users and guests do wrong with them. */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SeveralDevicesTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final Rid SECOND_EDU = Rid.parse("00:08.0");
  private static final Rid BEHIND_THE_CONVENTIONAL_BRIDGE = Rid.parse("03:01.0");
  private static final Rid NVME = Rid.parse("01:00.0");
  private static final Rid ALIAS = Rid.parse("03:00.0");
  private static final long SECOND_BAR = Bench.GUEST_BAR + 0x1000_0000;

  private Machine machine;

  @BeforeAll
  void startMachine() {
    machine = Machines.open("qemu:intel,device='edu,addr=0x8,dma_mask=0xffffffffffffffff'");
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }

  private static void refused(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .satisfies(e -> List.of(words).forEach(word -> assertThat(e).hasMessageContaining(word)));
  }

  @Test
  void oneGuestHasSeveralDevicesAndLosesThemOneByOne() {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2);
        Bench bench = new Bench(machine)) {
      VirtualMachine vm = bench.guest("guest");
      List<Rid> rids = List.of(EDU, SECOND_EDU, vfs.rids().get(0), vfs.rids().get(1));
      for (Rid rid : rids) {
        bench.ppt.attach(rid);
        bench.ppt.assign(rid, vm);
      }
      assertThat(rids.stream().map(rid -> bench.entry(rid).orElseThrow().domainId()).distinct())
          .as("domain ids of one guest's devices")
          .hasSize(1);
      DmaEngine one = bench.guestEngine(vm, EDU, Bench.GUEST_BAR);
      DmaEngine two = bench.guestEngine(vm, SECOND_EDU, SECOND_BAR);
      byte[] sent = Bench.pattern(1, 128);
      vm.bus().storeBytes(0x1000, sent);
      one.fromMemory(0x1000, 0, 128);
      one.toMemory(0, 0x2000, 128);
      two.fromMemory(0x2000, 0, 128);
      two.toMemory(0, 0x1000_0000, 128);
      assertThat(vm.bus().loadBytes(0x1000_0000, 128)).isEqualTo(sent);

      bench.ppt.unassign(EDU, vm);

      two.toMemory(0, 0x3000, 128);
      assertThat(vm.bus().loadBytes(0x3000, 128)).isEqualTo(sent);
      assertThat(bench.vmm.iommu().domainNameOf(EDU)).hasValue("blocked");
      refused(Errno.EINVAL, () -> vm.bus().load64(Bench.GUEST_BAR), "leads nowhere");
      assertThat(bench.faults()).isEmpty();
      bench.ppt.unassignAll(vm);
      assertThat(vm.domain()).isEmpty();
      assertThat(rids.stream().map(rid -> bench.vmm.iommu().domainNameOf(rid).orElseThrow()))
          .containsOnly("blocked");
    }
  }

  @Test
  void twoGuestsWithADeviceEachReachTheirOwnMemoryAtTheSameTime() {
    try (Bench bench = new Bench(machine)) {
      VirtualMachine a = bench.guest("a");
      VirtualMachine b = bench.guest("b");
      bench.ppt.attach(EDU);
      bench.ppt.attach(SECOND_EDU);
      bench.ppt.assign(EDU, a);
      bench.ppt.assign(SECOND_EDU, b);
      DmaEngine one = bench.guestEngine(a, EDU, Bench.GUEST_BAR);
      DmaEngine two = bench.guestEngine(b, SECOND_EDU, Bench.GUEST_BAR);
      byte[] first = Bench.pattern(21, 64);
      byte[] second = Bench.pattern(22, 64);
      a.bus().storeBytes(0x1000, first);
      b.bus().storeBytes(0x1000, second);
      one.fromMemory(0x1000, 0, 64);
      two.fromMemory(0x1000, 0, 64);
      one.toMemory(0, 0x2000, 64);
      two.toMemory(0, 0x2000, 64);
      assertThat(a.bus().loadBytes(0x2000, 64)).isEqualTo(first);
      assertThat(b.bus().loadBytes(0x2000, 64)).isEqualTo(second);
    }
  }

  @Test
  void i09_aFunctionBehindABridgeThatReplacesItsRequesterIdIsRefused() {
    try (Bench bench = new Bench(machine)) {
      int command = bench.command(BEHIND_THE_CONVENTIONAL_BRIDGE);
      for (int again = 0; again < 2; again++) {
        refused(
            Errno.EPERM,
            () -> bench.ppt.attach(BEHIND_THE_CONVENTIONAL_BRIDGE),
            "0000:03:01.0",
            "bridge",
            "0000:02:00.0",
            "requester id");
        assertThat(bench.command(BEHIND_THE_CONVENTIONAL_BRIDGE)).isEqualTo(command);
        // The second time with the I/O MMU on.
        if (again == 0) {
          bench.ppt.attach(EDU);
          bench.ppt.assign(EDU, bench.guest("guest"));
        }
      }
      assertThat(bench.ppt.device(BEHIND_THE_CONVENTIONAL_BRIDGE)).isEmpty();
      assertThat(bench.vmm.iommu().domainNameOf(BEHIND_THE_CONVENTIONAL_BRIDGE)).hasValue("host");
      assertThat(bench.vmm.iommu().domainNameOf(ALIAS)).hasValue("host");
    }
  }

  @Test
  void pptdevsAttachesAtStartAndARefusedOneHurtsNobody() {
    Tunables tunables = Tunables.of(Map.of("pptdevs", "0/2/0 3/1/0 0000:00:08.0 0/31/7"));
    try (Bench bench = new Bench(machine, tunables)) {
      assertThat(bench.ppt.devices().stream().map(PptDevice::rid)).containsExactly(EDU, SECOND_EDU);
      assertThat(bench.command(EDU) & 0x7).isZero();
      assertThat(bench.command(SECOND_EDU) & 0x7).isZero();
      assertThat(bench.vmm.iommu().state()).isEqualTo(IommuState.OFF);
      bench.ppt.assign(SECOND_EDU, bench.guest("guest"));
      assertThat(bench.vmm.iommu().domainNameOf(EDU)).hasValue("blocked");
    }
  }

  @Test
  void registersAreMappedOnlyWhereTheyAreThatDevicesOwn() {
    try (Bench bench = new Bench(machine)) {
      VirtualMachine vm = bench.guest("guest");
      PptDevice edu = bench.ppt.attach(EDU);
      PptDevice second = bench.ppt.attach(SECOND_EDU);
      PptDevice nvme = bench.ppt.attach(NVME);
      Bar bar = edu.bars().get(0);
      long gpa = Bench.GUEST_BAR;
      refused(Errno.EBUSY, () -> edu.mapMmio(gpa, 0x1000, bar.base()), "0000:00:02.0");
      bench.ppt.assign(EDU, vm);
      bench.ppt.assign(NVME, vm);

      Bar others = second.bars().get(0);
      Errno inval = Errno.EINVAL;
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, others.base()), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, 0x1000), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, 0xfed90000L), "not inside one memory BAR");
      refused(inval, () -> edu.mapMmio(gpa, bar.lengthBytes() + 0x1000, bar.base()), "BAR");
      refused(inval, () -> edu.mapMmio(gpa, 0x2000, bar.base() + bar.lengthBytes() - 0x1000));
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base() - 0x1000));
      refused(inval, () -> edu.mapMmio(gpa + 8, 0x1000, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0x800, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base() + 4), "4096");
      refused(inval, () -> edu.mapMmio(gpa, 0, bar.base()), "4096");
      refused(inval, () -> edu.mapMmio(gpa, -0x1000, bar.base()));
      refused(inval, () -> edu.mapMmio(-0x1000L, 0x2000, bar.base()));
      refused(inval, () -> edu.mapMmio(0x1000, 0x1000, bar.base()), "0x1000");
      refused(Errno.ENOENT, () -> edu.unmapMmio(gpa, 0x1000), "0x%x".formatted(gpa));
      MsixCapability msix = nvme.msix().orElseThrow();
      long table = msix.tableOffset() & -0x1000L;
      Bar nvmeBar =
          nvme.bars().stream().filter(b -> b.index() == msix.tableBar()).findFirst().orElseThrow();
      refused(Errno.EPERM, () -> nvme.mapMmio(gpa, 0x1000, nvmeBar.base() + table), "MSI-X");
      refused(Errno.EPERM, () -> nvme.mapMmio(gpa, nvmeBar.lengthBytes(), nvmeBar.base()), "MSI-X");
      refused(inval, () -> vm.bus().load64(gpa));

      edu.mapMmio(gpa, 0x1000, bar.base());
      refused(inval, () -> edu.mapMmio(gpa, 0x1000, bar.base()), "0x%x".formatted(gpa));
      refused(inval, () -> edu.unmapMmio(gpa, 0x2000), "0x1000");
      assertThat(vm.bus().load32(gpa)).isEqualTo(0x010000ed);
      edu.unmapMmio(gpa, 0x1000);
      refused(inval, () -> vm.bus().load32(gpa));
    }
  }

  @Test
  void badRequestsAreRefusedByTheirCodesAndChangeNothing() {
    try (Bench bench = new Bench(machine)) {
      VirtualMachine vm = bench.guest("guest");
      refused(Errno.ENOENT, () -> bench.ppt.assign(EDU, vm), "not a ppt device");
      refused(Errno.ENXIO, () -> bench.ppt.attach(Rid.parse("00:1e.7")), "no such function");
      refused(Errno.EINVAL, () -> bench.ppt.attach(Rid.parse("00:03.0")), "bridge");
      bench.ppt.attach(EDU);
      refused(Errno.EBUSY, () -> bench.ppt.attach(EDU), "attached already");
      refused(Errno.EBUSY, () -> bench.ppt.unassign(EDU, vm));
      bench.ppt.assign(EDU, vm);
      VirtualMachine other = bench.guest("other");
      refused(Errno.EBUSY, () -> bench.ppt.assign(EDU, vm));
      refused(Errno.EBUSY, () -> bench.ppt.assign(EDU, other));
      refused(Errno.EBUSY, () -> bench.ppt.detach(EDU));
      refused(Errno.EBUSY, () -> bench.ppt.unassign(EDU, other));
      refused(Errno.ENOENT, () -> vm.removeMemory(0x5000_0000));
      List<MemorySegment> before = vm.memory();
      long allocated = machine.memory().allocatedBytes();
      for (long[] range :
          new long[][] {
            {0x3f_f000, 0x2000},
            {0, 0x1000},
            {1, 0x1000},
            {0x5000_0000, 0x800},
            {0x5000_0000, 0},
            {0x5000_0000, -0x1000},
            {-0x1000L, 0x2000}
          }) {
        refused(
            Errno.EINVAL, () -> vm.addMemory(range[0], range[1], dev.vmm.iommu.Access.READ_WRITE));
      }
      assertThat(vm.memory()).isEqualTo(before);
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(3, 64);
      vm.bus().storeBytes(0, sent);
      engine.fromMemory(0, 0, 64);
      engine.toMemory(0, 0x3f_f000, 64);
      assertThat(vm.bus().loadBytes(0x3f_f000, 64)).isEqualTo(sent);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void i07_aVmThatIsDroppedIsUnassignedQuiescedAndItsMemoryFreed() throws Exception {
    long allocated = machine.memory().allocatedBytes();
    try (Bench bench = new Bench(machine)) {
      bench.ppt.attach(EDU);
      long hpa = dropGuestWithDevice(bench);
      PptDevice device = bench.ppt.device(EDU).orElseThrow();

      await("the VM to be reaped", () -> bench.vmm.vms().isEmpty(), System::gc);
      await("the device to be parked", () -> device.state() == PptState.PARKED, System::gc);

      // The name is free once all is done.
      await("the end of the reaping", () -> created(bench, "dropped"), System::gc);
      assertThat(bench.vmm.iommu().domainNameOf(EDU)).hasValue("blocked");
      assertThat(bench.command(EDU) & 0x7).isZero();
      machine.memory().write64(hpa, 0x1111);
      machine.pci().config(EDU).write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      bench.hostEngine().toMemory(0, hpa, 64);
      machine.pci().config(EDU).write16(Bench.COMMAND, 0);
      assertThat(machine.memory().read64(hpa)).isEqualTo(0x1111);
    }
    assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
  }

  private static boolean created(Bench bench, String name) {
    try {
      bench.vmm.createVm(name).close();
      return true;
    } catch (VmmException e) {
      assertThat(e.errno()).isEqualTo(Errno.EBUSY);
      return false;
    }
  }

  private static long dropGuestWithDevice(Bench bench) {
    VirtualMachine vm = bench.guest("dropped");
    bench.ppt.assign(EDU, vm);
    assertThat(bench.vmm.iommu().domainNameOf(EDU)).hasValue("vm:dropped");
    return vm.memory().get(0).hpa();
  }

  private static void await(String what, BooleanSupplier condition, Runnable meanwhile)
      throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!condition.getAsBoolean()) {
      assertThat(System.nanoTime()).as(what).isLessThan(deadline);
      meanwhile.run();
      TimeUnit.MILLISECONDS.sleep(5);
    }
  }

  @Test
  void i07_aDmaThatIsUnderWayWhenTheGuestLosesTheDeviceTouchesNothingAfterwards() throws Exception {
    try (Bench bench = new Bench(machine)) {
      VirtualMachine vm = bench.guest("guest");
      PptDevice device = bench.ppt.attach(EDU);
      bench.ppt.assign(EDU, vm);
      DmaEngine engine = bench.guestEngine(vm);
      PhysicalMemory memory = machine.memory();
      long hpa = vm.memory().get(1).hpa();
      vm.bus().storeBytes(0x1000, Bench.pattern(9, 4088));
      engine.fromMemory(0x1000, 0, 4088);
      engine.toMemory(0, 0x1000_0000, 4088); // it can reach the place
      assertThat(memory.read64(hpa)).isEqualTo(vm.bus().load64(0x1000));

      start(vm, Bench.GUEST_BAR, 0x1000_0000, 4088);
      bench.ppt.unassign(EDU, vm);
      byte[] mine = Bench.pattern(10, 4096);
      memory.writeBytes(hpa, mine, 0, 4096);
      // Not even a device whose bus mastering somebody turns on again gets through.
      ConfigSpace config = machine.pci().config(EDU);
      config.write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      long command = device.bars().get(0).base() + 0x98;
      var registers = machine.registers(command & -0x1000L, 0x1000);
      await("the DMA to be over", () -> (registers.read32(0x98) & 1) == 0, () -> {});
      config.write16(Bench.COMMAND, 0);

      byte[] seen = new byte[4096];
      memory.readBytes(hpa, seen, 0, 4096);
      assertThat(seen).isEqualTo(mine);
      assertThat(vm.bus().loadBytes(0x1000_0000, 4096)).isEqualTo(mine);
    }
  }

  /** Starts a copy from an edu device's buffer to memory, and does not wait. */
  private static void start(VirtualMachine vm, long registers, long gpa, int length) {
    vm.bus().store64(registers + 0x80, 0x40000);
    vm.bus().store64(registers + 0x88, gpa);
    vm.bus().store64(registers + 0x90, length);
    vm.bus().store64(registers + 0x98, 3);
  }
}
