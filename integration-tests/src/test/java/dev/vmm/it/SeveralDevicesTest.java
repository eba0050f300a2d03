package dev.vmm.it;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tck.Bench;
import dev.vmm.tck.VirtualFunctions;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;

/** Several functions at once, and functions that come and go. */
final class SeveralDevicesTest extends SecondEduMachine {
  private static final long SECOND_BAR = Bench.GUEST_BAR + 0x1000_0000;

  @Test
  void oneGuestHasSeveralDevicesAndLosesThemOneByOne() {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2);
        Bench bench = Bench.open(machine, vfs.excused(Tunables.defaults()))) {
      VirtualMachine vm = bench.guest("guest");
      List<Rid> rids = List.of(EDU, SECOND_EDU, vfs.rids().get(0), vfs.rids().get(1));
      for (Rid rid : rids) {
        bench.ppt().attach(rid);
        bench.ppt().assign(rid, vm);
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

      bench.ppt().unassign(EDU, vm);

      two.toMemory(0, 0x3000, 128);
      assertThat(vm.bus().loadBytes(0x3000, 128)).isEqualTo(sent);
      assertThat(bench.vmm().iommu().domainNameOf(EDU)).hasValue("blocked");
      refused(Errno.EINVAL, () -> vm.bus().load64(Bench.GUEST_BAR), "leads nowhere");
      assertThat(bench.faults()).isEmpty();
      bench.ppt().unassignAll(vm);
      assertThat(vm.domain()).isEmpty();
      assertThat(rids.stream().map(rid -> bench.vmm().iommu().domainNameOf(rid).orElseThrow()))
          .containsOnly("blocked");
    }
  }

  @Test
  void twoGuestsWithADeviceEachReachTheirOwnMemoryAtTheSameTime() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine a = bench.guest("a");
      VirtualMachine b = bench.guest("b");
      bench.ppt().attach(EDU);
      bench.ppt().attach(SECOND_EDU);
      bench.ppt().assign(EDU, a);
      bench.ppt().assign(SECOND_EDU, b);
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
  void i06_aVfThatVanishesUnderItsGuestIsBlockedAndBrokenUntilItIsBack() {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 1);
        Bench bench = Bench.open(machine, vfs.excused(Tunables.defaults()))) {
      Rid vf = vfs.rids().get(0);
      VirtualMachine vm = bench.guest("guest");
      PptDevice device = bench.ppt().attach(vf);
      bench.ppt().assign(vf, vm);
      vfs.close();
      assertThat(machine.pci().function(vf)).isEmpty();
      long start = System.nanoTime();

      refused(Errno.EIO, () -> bench.ppt().unassign(vf, vm), "0000:01:00.1", "broken");

      assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(10));
      assertThat(device.state()).isEqualTo(PptState.BROKEN);
      assertThat(vm.devices()).isEmpty();
      assertThat(vm.domain()).isEmpty();
      assertThat(bench.vmm().iommu().domainNameOf(vf)).hasValue("blocked");
      refused(Errno.EIO, () -> bench.ppt().assign(vf, vm), "broken");
      refused(Errno.EIO, () -> bench.ppt().detach(vf), "blocked");
      assertThat(bench.vmm().iommu().domainNameOf(vf)).hasValue("blocked");

      VirtualFunctions again = VirtualFunctions.enable(machine, 1);
      bench.ppt().detach(vf);
      assertThat(device.state()).isEqualTo(PptState.HOST);
      assertThat(bench.vmm().iommu().domainNameOf(vf)).hasValue("host");
      again.close();
    }
  }

  @Test
  void i11_aSecondPlatformOnTheMachineIsRefusedAndDoesNotDisturbTheFirst() {
    try (Bench first = Bench.open(machine)) {
      VirtualMachine vm = first.guest("first");
      first.ppt().attach(EDU);
      first.ppt().assign(EDU, vm);
      try (Bench second = Bench.open(machine)) {
        second.ppt().attach(SECOND_EDU);
        VirtualMachine other = second.guest("second");
        refused(
            Errno.ENXIO,
            () -> second.ppt().assign(SECOND_EDU, other),
            "I/O MMU is not present or is disabled",
            "EBUSY",
            "somebody else");
        assertThat(second.vmm().iommu().state()).isEqualTo(IommuState.FAILED);
      }
      DmaEngine engine = first.guestEngine(vm);
      byte[] sent = Bench.pattern(31, 64);
      vm.bus().storeBytes(0x1000, sent);
      engine.fromMemory(0x1000, 0, 64);
      engine.toMemory(0, 0x2000, 64);
      assertThat(vm.bus().loadBytes(0x2000, 64)).isEqualTo(sent);
      assertThat(first.unit().enabled()).isTrue();
    }
    assertThat(Bench.unit(machine).enabled()).isFalse();
  }

  @Test
  void i07_aPlatformThatIsClosedBeforeItsDriverTakesTheDevicesFromTheGuestsFirst() {
    long allocated = machine.memory().allocatedBytes();
    int found = machine.pci().config(EDU).read16(Bench.COMMAND);
    try (Bench bench = Bench.open(machine)) {
      PptDevice device = bench.ppt().attach(EDU);
      bench.ppt().assign(EDU, bench.guest("guest"));

      bench.vmm().close();

      assertThat(device.state()).isEqualTo(PptState.PARKED);
      assertThat(bench.command(EDU) & 0x7).isZero();
      assertThat(Bench.unit(machine).enabled()).isFalse();
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
    assertThat(machine.pci().config(EDU).read16(Bench.COMMAND)).isEqualTo(found);
  }

  @Test
  void i07_aVmThatIsDroppedIsUnassignedQuiescedAndItsMemoryFreed() throws Exception {
    long allocated = machine.memory().allocatedBytes();
    try (Bench bench = Bench.open(machine)) {
      bench.ppt().attach(EDU);
      long hpa = dropGuestWithDevice(bench);
      PptDevice device = bench.ppt().device(EDU).orElseThrow();

      await("the VM to be reaped", () -> bench.vmm().vms().isEmpty(), System::gc);
      await("the device to be parked", () -> device.state() == PptState.PARKED, System::gc);

      // The name is free once all is done.
      await("the end of the reaping", () -> created(bench, "dropped"), System::gc);
      assertThat(bench.vmm().iommu().domainNameOf(EDU)).hasValue("blocked");
      assertThat(bench.command(EDU) & 0x7).isZero();
      machine.memory().write64(hpa, 0x1111);
      bench.asHost(engine -> engine.toMemory(0, hpa, 64));
      assertThat(machine.memory().read64(hpa)).isEqualTo(0x1111);
    }
    assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
  }

  private static boolean created(Bench bench, String name) {
    try {
      bench.vmm().createVm(name).close();
      return true;
    } catch (VmmException e) {
      assertThat(e.errno()).isEqualTo(Errno.EBUSY);
      return false;
    }
  }

  private static long dropGuestWithDevice(Bench bench) {
    VirtualMachine vm = bench.vmm().createVm("dropped"); // a guest of the bench is never dropped
    vm.addMemory(0, 0x40_0000, Access.READ_WRITE);
    bench.ppt().assign(EDU, vm);
    assertThat(bench.vmm().iommu().domainNameOf(EDU)).hasValue("vm:dropped");
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
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine vm = bench.guest("guest");
      PptDevice device = bench.ppt().attach(EDU);
      bench.ppt().assign(EDU, vm);
      DmaEngine engine = bench.guestEngine(vm);
      PhysicalMemory memory = machine.memory();
      long hpa = vm.memory().get(1).hpa();
      vm.bus().storeBytes(0x1000, Bench.pattern(9, 4088));
      engine.fromMemory(0x1000, 0, 4088);
      engine.toMemory(0, 0x1000_0000, 4088); // it can reach the place
      assertThat(memory.read64(hpa)).isEqualTo(vm.bus().load64(0x1000));

      start(vm, Bench.GUEST_BAR, 0x1000_0000, 4088);
      bench.ppt().unassign(EDU, vm);
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

  /** The edu device has no reset: what one guest started must run out before another has it. */
  @Test
  void i07_aDmaThatOneGuestStartedDoesNotReachTheNextOne() {
    try (Bench bench = Bench.open(machine)) {
      VirtualMachine one = bench.guest("one");
      VirtualMachine two = bench.guest("two");
      bench.ppt().attach(EDU);
      bench.ppt().assign(EDU, one);
      DmaEngine engine = bench.guestEngine(one);
      one.bus().storeBytes(0x1000, Bench.pattern(13, 256));
      engine.fromMemory(0x1000, 0, 256);

      start(one, Bench.GUEST_BAR, 0x2000, 256);
      bench.ppt().unassign(EDU, one);
      bench.ppt().assign(EDU, two);
      engine = bench.guestEngine(two);
      two.bus().storeBytes(0x3000, Bench.pattern(14, 256));
      engine.fromMemory(0x3000, 0, 256); // ends after whatever was started before it

      assertThat(two.bus().loadBytes(0x2000, 256)).containsOnly(0);
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
