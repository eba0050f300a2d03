package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.Collection;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class VirtualMachineTest {
  private static final long MIB = 1L << 20;
  private static final Rid ONE = Rid.parse("00:01.0");
  private static final Rid TWO = Rid.parse("00:02.0");

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64 * MIB));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");
  private final Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
  private final VirtualMachine vm = vmm.createVm("guest");

  @Test
  void i06_aDeviceThatDoesNotTellItsRequesterIdsLeavesNoDomain() {
    machine.pci().add("00:01.0", 0x1234, 0x11e8, 0xff0000);
    PassthroughDevice device =
        new PassthroughDevice() {
          @Override
          public Rid rid() {
            return ONE;
          }

          @Override
          public Collection<Rid> requesterIds() {
            throw new IllegalStateException("a bug of the driver");
          }

          @Override
          public void unassign() {
            throw new AssertionError("it was never assigned");
          }
        };
    assertThatThrownBy(() -> vm.admit(device, domain -> {})).hasMessage("a bug of the driver");
    assertThat(vm.domain()).isEmpty();
    assertThat(vm.devices()).isEmpty();
    assertThat(fake.current().openDomains()).containsExactly("host", "blocked");
  }

  private static final class Block implements RegisterBlock {
    @Override
    public long baseHpa() {
      return 0;
    }

    @Override
    public long lengthBytes() {
      return 0x1000;
    }

    @Override
    public long read(long offset, int widthBytes) {
      return 0;
    }

    @Override
    public void write(long offset, int widthBytes, long value) {}
  }

  @AfterEach
  void close() {
    vmm.close();
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  private static void assertErrno(Errno errno, ThrowingCallable call) {
    assertThat(catchThrowableOfType(VmmException.class, call).errno()).isEqualTo(errno);
  }

  @Test
  void memoryOfTwoMebibytesIsAlignedForLargePages() {
    vm.addMemory(0x100000, 4096, Access.READ_WRITE);
    assertThat(vm.addMemory(0x200000, 3 * MIB, Access.READ_WRITE).hpa() % (2 * MIB)).isZero();
  }

  @Test
  void memoryIsTakenUnalignedRatherThanNotAtAll() {
    // 63 MiB are free from 1 MiB up: aligned to 2 MiB there are only 62.
    assertThat(vm.addMemory(0, 63 * MIB, Access.READ_WRITE).hpa()).isEqualTo(MIB);
    assertErrno(Errno.ENOMEM, () -> vm.addMemory(1L << 30, 4096, Access.READ_WRITE));
    assertThat(vm.memory()).hasSize(1);
  }

  @Test
  void badSegmentsAreRefusedAndNothingChanges() {
    vm.addMemory(0x10000, 0x2000, Access.READ_WRITE);
    long before = machine.memory().allocatedBytes();
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0x800, 0x1000, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0, 0x800, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0, 0, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0, -4096, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(-4096, 0x2000, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0, 0x1000, Access.WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0x11000, 0x1000, Access.READ_WRITE));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0xf000, 0x4000, Access.READ_WRITE));
    assertErrno(
        Errno.EINVAL,
        () -> vm.addMemory(new MemorySegment(0, 64 * MIB, 0x1000, Access.READ_WRITE)));
    assertErrno(
        Errno.EINVAL,
        () -> vm.addMemory(new MemorySegment(0, 0x100800, 0x1000, Access.READ_WRITE)));
    assertErrno(Errno.ENOENT, () -> vm.removeMemory(0x11000));
    assertThat(vm.memory()).hasSize(1);
    assertThat(machine.memory().allocatedBytes()).isEqualTo(before);
  }

  @Test
  void memoryOfTheCallerStaysTheCallers() {
    long hpa = machine.memory().allocate(0x2000, 0x1000);
    vm.addMemory(new MemorySegment(0x5000, hpa, 0x2000, Access.READ));
    machine.memory().write64(hpa + 8, 99);
    assertThat(vm.bus().load64(0x5008)).isEqualTo(99);
    vm.removeMemory(0x5000);
    assertErrno(Errno.EINVAL, () -> vm.bus().load64(0x5008));
    vm.addMemory(new MemorySegment(0x5000, hpa, 0x2000, Access.READ));
    vm.close();
    assertThat(machine.memory().allocatedBytes()).isEqualTo(0x2000);
    machine.memory().free(hpa, 0x2000);
  }

  @Test
  void addedMemoryIsZeroedAlsoWhenItWasUsedBefore() {
    vm.addMemory(0, 0x1000, Access.READ_WRITE);
    vm.bus().store64(0, -1);
    vm.removeMemory(0);
    vm.addMemory(0, 0x1000, Access.READ_WRITE);
    assertThat(vm.bus().load64(0)).isZero();
  }

  @Test
  void everySegmentIsMappedForDevicesWithItsAccessAndHolesAreNot() {
    MemorySegment low = vm.addMemory(0, 2 * MIB, Access.READ_WRITE);
    MemorySegment rom = vm.addMemory(0xfffff000L, 0x1000, Access.READ);
    new TestDevice(vmm, vm, ONE).assign();
    MemorySegment later = vm.addMemory(4 * MIB, 2 * MIB, Access.READ_WRITE);
    var unit = fake.current();
    assertThat(unit.dma(ONE, 0x1234, Access.WRITE)).contains(low.hpa() + 0x1234);
    assertThat(unit.dma(ONE, 0xfffff000L, Access.READ)).contains(rom.hpa());
    assertThat(unit.dma(ONE, 0xfffff000L, Access.WRITE)).isEmpty();
    assertThat(unit.dma(ONE, 2 * MIB, Access.READ)).isEmpty();
    assertThat(unit.dma(ONE, 4 * MIB, Access.WRITE)).contains(later.hpa());
    vm.removeMemory(0);
    assertThat(unit.dma(ONE, 0x1234, Access.READ)).isEmpty();
    assertThat(vm.memory()).containsExactly(later, rom);
  }

  @Test
  void i05_memoryIsUnmappedBeforeItIsFreed() {
    vm.addMemory(0, 2 * MIB, Access.READ_WRITE);
    new TestDevice(vmm, vm, ONE).assign();
    long[] atUnmap = new long[1];
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.UNMAP) {
            atUnmap[0] = machine.memory().allocatedBytes();
          }
        });
    vm.removeMemory(0);
    assertThat(atUnmap[0] - machine.memory().allocatedBytes()).isEqualTo(2 * MIB);
  }

  @Test
  void theDomainReachesAllMemoryAndWhatMayCome() {
    new TestDevice(vmm, vm, ONE).assign();
    assertThat(vm.domain().orElseThrow().lastIova()).isEqualTo(0x7fffffffffL);
    vm.addMemory(0x7ffffff000L, 4096, Access.READ_WRITE);
    assertErrno(Errno.EINVAL, () -> vm.addMemory(1L << 39, 4096, Access.READ_WRITE));
    VirtualMachine tall = vmm.createVm("tall");
    tall.addMemory(1L << 40, 4096, Access.READ_WRITE);
    new TestDevice(vmm, tall, TWO).assign();
    assertThat(tall.domain().orElseThrow().lastIova()).isEqualTo((1L << 40) + 4095);
  }

  @Test
  void narrowUnitsGetNarrowDomains() {
    fake.capabilities = new IommuCapabilities(30, 30, 0x201000, 16, true, false);
    new TestDevice(vmm, vm, ONE).assign();
    assertThat(vm.domain().orElseThrow().lastIova()).isEqualTo(0x3fffffffL);
    VirtualMachine tall = vmm.createVm("tall");
    tall.addMemory(1L << 30, 4096, Access.READ_WRITE);
    assertErrno(Errno.EINVAL, () -> new TestDevice(vmm, tall, TWO).assign());
    assertThat(tall.domain()).isEmpty();
  }

  @Test
  void theDomainLivesFromTheFirstDeviceToTheLastAndIsMadeAnew() {
    TestDevice one = new TestDevice(vmm, vm, ONE);
    TestDevice two = new TestDevice(vmm, vm, TWO);
    one.assign();
    two.assign();
    var domain = vm.domain().orElseThrow();
    assertThat(vm.devices()).containsExactly(one, two);
    one.unassign();
    assertThat(vm.domain()).contains(domain);
    two.unassign();
    assertThat(vm.domain()).isEmpty();
    assertThat(fake.current().openDomains()).containsExactly("host", "blocked");
    one.assign();
    assertThat(vm.domain().orElseThrow()).isNotSameAs(domain);
    assertThat(vmm.iommu().domainNameOf(ONE)).contains("vm:guest");
  }

  @Test
  void aDeviceIsAdmittedOnceAndDismissedOnlyIfItIsIn() {
    TestDevice one = new TestDevice(vmm, vm, ONE);
    one.assign();
    assertErrno(Errno.EBUSY, one::assign);
    assertErrno(Errno.EBUSY, () -> new TestDevice(vmm, vm, ONE).assign());
    assertErrno(Errno.ENOENT, () -> new TestDevice(vmm, vm, TWO).unassign());
    assertThat(vm.devices()).containsExactly(one);
  }

  @Test
  void i06_aStepThatThrowsAnythingLeavesNothing() {
    TestDevice one = new TestDevice(vmm, vm, ONE);
    assertThatThrownBy(
            () ->
                vm.admit(
                    one,
                    domain -> {
                      throw new AssertionError("not mine");
                    }))
        .isInstanceOf(AssertionError.class)
        .hasMessage("not mine");
    assertThat(vm.devices()).isEmpty();
    assertThat(vm.domain()).isEmpty();
    assertThat(vmm.iommu().state()).isEqualTo(IommuState.ON);
    assertThat(fake.current().openDomains()).containsExactly("host", "blocked");
  }

  @Test
  void i06_aStepThatLeavesADeviceInTheDomainIsCorrected() {
    TestDevice one = new TestDevice(vmm, vm, ONE);
    TestDevice two = new TestDevice(vmm, vm, TWO);
    one.assign();
    two.assign();
    vm.dismiss(one, () -> {});
    assertThat(vmm.iommu().domainNameOf(ONE)).contains("blocked");
    assertThat(vmm.iommu().domainNameOf(TWO)).contains("vm:guest");
    assertErrno(
        Errno.EIO,
        () ->
            vm.dismiss(
                two,
                () -> {
                  throw new VmmException(Errno.EIO, "does not fall silent");
                }));
    assertThat(vmm.iommu().domainNameOf(TWO)).contains("blocked");
    assertThat(vm.domain()).isEmpty();
    vmm.iommu().unclaim(List.of(ONE, TWO)); // as a driver does that could reset them later
  }

  @Test
  void i07_destroyUnassignsEveryDeviceThenClosesTheDomainThenFrees() {
    vm.addMemory(0, 2 * MIB, Access.READ_WRITE);
    new TestDevice(vmm, vm, ONE).assign();
    PassthroughDevice stubborn =
        new PassthroughDevice() {
          @Override
          public Rid rid() {
            return TWO;
          }

          @Override
          public void unassign() {
            throw new VmmException(Errno.EIO, "cannot be quiesced");
          }
        };
    vm.admit(stubborn, domain -> vmm.iommu().move(List.of(TWO), domain));
    fake.plan.reset();
    long[] atClose = new long[1];
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.CLOSE_DOMAIN) {
            atClose[0] = machine.memory().allocatedBytes();
          }
        });
    assertThatThrownBy(vm::close).hasMessage("cannot be quiesced");
    fake.plan.onCall(kind -> {});
    assertThat(fake.plan.calls())
        .containsExactly(
            "MOVE [0000:00:01.0] host", "MOVE [0000:00:02.0] blocked", "CLOSE_DOMAIN vm:guest");
    assertThat(atClose[0] - machine.memory().allocatedBytes()).isEqualTo(2 * MIB + 4096);
    assertThat(vm.destroyed()).isTrue();
    vm.close();
    vmm.iommu().unclaim(List.of(TWO)); // as a driver does that could reset it later
  }

  @Test
  void aDestroyedVmDoesNothingMore() {
    TestDevice one = new TestDevice(vmm, vm, ONE);
    vm.addMemory(0, 4096, Access.READ_WRITE);
    vm.close();
    assertErrno(Errno.ENXIO, () -> vm.addMemory(0, 4096, Access.READ_WRITE));
    assertErrno(Errno.ENXIO, () -> vm.removeMemory(0));
    assertErrno(Errno.ENXIO, () -> vm.unmapRegisters(0, new Block()));
    assertErrno(Errno.ENXIO, one::assign);
    assertErrno(Errno.ENXIO, one::unassign);
    assertThat(vm.memory()).isEmpty();
    assertThat(vm.devices()).isEmpty();
    assertThat(vm.domain()).isEmpty();
    assertThat(fake.plan.calls()).as("the I/O MMU stays off").isEmpty();
  }

  @Test
  void namesAreUniqueAmongTheLiving() {
    assertErrno(Errno.EBUSY, () -> vmm.createVm("guest"));
    assertErrno(Errno.EINVAL, () -> vmm.createVm(""));
    VirtualMachine second = vmm.createVm("second");
    assertThat(vmm.vms()).containsExactly(vm, second);
    vm.close();
    VirtualMachine again = vmm.createVm("guest");
    assertThat(vmm.vms()).containsExactly(second, again);
    assertThat(again).isNotEqualTo(vm);
  }

  @Test
  void registersDoNotOverlapMemoryOrEachOther() {
    vm.addMemory(0x10000, 0x1000, Access.READ_WRITE);
    Block block = new Block();
    assertErrno(Errno.EINVAL, () -> vm.mapRegisters(0x10000, block));
    assertErrno(Errno.EINVAL, () -> vm.mapRegisters(0x20800, block));
    vm.mapRegisters(0x20000, block);
    assertErrno(Errno.EINVAL, () -> vm.mapRegisters(0x20000, block));
    assertErrno(Errno.EINVAL, () -> vm.addMemory(0x20000, 0x1000, Access.READ_WRITE));
    assertErrno(Errno.ENOENT, () -> vm.unmapRegisters(0x10000, block));
    assertErrno(Errno.ENOENT, () -> vm.unmapRegisters(0x20000, new Block()));
    vm.unmapRegisters(0x20000, block);
    assertErrno(Errno.ENOENT, () -> vm.unmapRegisters(0x20000, block));
    vm.addMemory(0x20000, 0x1000, Access.READ_WRITE);
  }
}
