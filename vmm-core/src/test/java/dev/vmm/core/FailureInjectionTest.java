package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Fails the n-th call into the back end, for every n, in each thing that a user can do. */
class FailureInjectionTest {
  private static final Rid ONE = Rid.parse("00:01.0");
  private static final Rid TWO = Rid.parse("00:02.0");
  private static final Rid OTHER = Rid.parse("00:1f.0");
  private static final long MIB = 1L << 20;

  /** A platform with two claimed devices, one of the host, and a VM of two segments. */
  private static final class World implements AutoCloseable {
    final FakeMachine machine = new FakeMachine(new ArrayMemory(64 * MIB));
    final FakeIommuProvider fake = new FakeIommuProvider("fake");
    final Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake);
    final VirtualMachine vm = vmm.createVm("guest");
    final TestDevice one = new TestDevice(vmm, vm, ONE);
    final TestDevice two = new TestDevice(vmm, vm, TWO);

    World() {
      for (Rid rid : List.of(ONE, TWO, OTHER)) {
        machine.pci().add(rid.toString(), 0x1234, 0x11e8, 0xff0000);
      }
      vmm.iommu().claim(List.of(ONE, TWO));
      vm.addMemory(0, 2 * MIB, Access.READ_WRITE);
      vm.addMemory(16 * MIB, 4096, Access.READ);
    }

    long vmBytes() {
      return vm.memory().stream().mapToLong(MemorySegment::lengthBytes).sum();
    }

    /** Everything that must hold whatever failed. */
    void check() {
      assertThat(fake.violations).isEmpty();
      if (vmm.iommu().state() == IommuState.ON) {
        assertThat(fake.translating()).isTrue();
        assertThat(fake.current().places()).containsEntry(OTHER, "host");
        for (TestDevice device : List.of(one, two)) {
          assertThat(fake.current().places())
              .containsEntry(device.rid(), vm.devices().contains(device) ? "vm:guest" : "blocked");
        }
      } else {
        assertThat(fake.translating()).isFalse();
        assertThat(vm.devices()).isEmpty();
        assertThat(vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      }
      assertThat(vm.domain().isPresent()).isEqualTo(!vm.devices().isEmpty());
    }

    @Override
    public void close() {
      vmm.close();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"EIO", "ENOMEM", "ETIMEDOUT"})
  void i04_i06_aFirstAssignThatFailsAnywhereLeavesNothingAndWorksTheNextTime(Errno errno) {
    List<String> hit = new ArrayList<>();
    for (int n = 1; ; n++) {
      World world = new World();
      long before = world.machine.memory().allocatedBytes();
      world.fake.plan.reset();
      world.fake.plan.failNth(n, errno);
      VmmException failure = catchThrowableOfType(VmmException.class, world.one::assign);
      if (!world.fake.plan.fired()) {
        world.fake.plan.reset();
        assertThat(failure).isNull();
        world.close();
        break;
      }
      hit.add(world.fake.plan.failedCall());
      world.check();
      assertThat(world.vm.devices()).isEmpty();
      assertThat(world.vm.memory()).hasSize(2);
      if (world.vmm.iommu().state() == IommuState.FAILED) {
        assertThat(failure.errno()).isEqualTo(Errno.ENXIO);
        assertThat(failure)
            .hasMessageStartingWith("I/O MMU is not present or is disabled: ")
            .hasMessageContaining(errno.name());
        assertThat(failure.getCause()).isSameAs(world.vmm.iommu().failure().orElseThrow());
        assertThat(world.machine.memory().allocatedBytes()).isEqualTo(before);
      } else {
        assertThat(failure.errno()).isEqualTo(errno);
        assertThat(world.fake.current().openDomains()).containsExactly("host", "blocked");
      }
      world.one.assign();
      assertThat(world.vmm.iommu().failure()).isEmpty();
      world.check();
      world.close();
      assertThat(world.machine.memory().allocatedBytes()).isZero();
    }
    assertThat(hit).hasSize(11).first().isEqualTo("OPEN");
    assertThat(hit).last().isEqualTo("MOVE [0000:00:01.0] vm:guest");
  }

  @Test
  void i06_aSecondAssignThatFailsLeavesTheFirstDeviceAlone() {
    World world = new World();
    world.one.assign();
    world.fake.plan.failNth(Kind.MOVE, 1, Errno.EIO);
    assertThatThrownBy(world.two::assign).hasMessageContaining("injected");
    world.check();
    assertThat(world.vm.devices()).containsExactly(world.one);
    world.two.assign();
    world.check();
    world.close();
    assertThat(world.machine.memory().allocatedBytes()).isZero();
  }

  @ParameterizedTest
  @EnumSource(names = {"EIO", "ENOMEM"})
  void i05_i07_memoryIsFreedOnlyIfTheDomainWasClosed(Errno errno) {
    List<String> hit = new ArrayList<>();
    for (int n = 1; ; n++) {
      World world = new World();
      world.one.assign();
      long bytes = world.vmBytes();
      world.fake.plan.reset();
      world.fake.plan.failNth(n, errno);
      VmmException failure = catchThrowableOfType(VmmException.class, world.vm::close);
      assertThat(world.vm.destroyed()).isTrue();
      assertThat(world.vmm.vms()).isEmpty();
      assertThat(world.fake.current().places()).containsEntry(ONE, "blocked");
      if (!world.fake.plan.fired()) {
        world.fake.plan.reset();
        assertThat(failure).isNull();
        world.close();
        assertThat(world.machine.memory().allocatedBytes()).isZero();
        break;
      }
      assertThat(failure.errno()).isEqualTo(errno);
      String call = world.fake.plan.failedCall();
      hit.add(call);
      world.vmm.iommu().unclaim(List.of(ONE, TWO)); // as a driver does that could reset it later
      world.close();
      assertThat(world.machine.memory().allocatedBytes())
          .isEqualTo(call.equals("CLOSE_DOMAIN vm:guest") ? bytes : 0);
      assertThat(world.fake.violations).isEmpty();
    }
    assertThat(hit).containsExactly("MOVE [0000:00:01.0] blocked", "CLOSE_DOMAIN vm:guest");
  }

  @Test
  void i06_anUnassignThatFailsAnywhereEndsBlockedAndForgotten() {
    for (int n = 1; ; n++) {
      World world = new World();
      world.one.assign();
      world.fake.plan.reset();
      world.fake.plan.failNth(n, Errno.EIO);
      VmmException failure = catchThrowableOfType(VmmException.class, world.one::unassign);
      world.check();
      assertThat(world.vm.devices()).isEmpty();
      if (!world.fake.plan.fired()) {
        world.fake.plan.reset();
        assertThat(n).isEqualTo(3);
        world.close();
        break;
      }
      assertThat(failure.errno()).isEqualTo(Errno.EIO);
      world.one.assign();
      world.check();
      world.close();
      assertThat(world.fake.violations).isEmpty();
    }
  }

  @Test
  void i04_aCloseThatFailsAnywhereIsFinishedByTheNext() {
    List<String> hit = new ArrayList<>();
    for (int n = 1; ; n++) {
      World world = new World();
      world.one.assign();
      world.vm.close();
      world.fake.plan.reset();
      world.fake.plan.failNth(n, Errno.EIO);
      VmmException failure = catchThrowableOfType(VmmException.class, world::close);
      if (!world.fake.plan.fired()) {
        world.fake.plan.reset();
        assertThat(failure).isNull();
        break;
      }
      hit.add(world.fake.plan.failedCall());
      assertThat(failure.errno()).isEqualTo(Errno.EIO);
      world.close();
      assertThat(world.vmm.iommu().state()).isEqualTo(IommuState.OFF);
      assertThat(world.fake.current().closed()).isTrue();
      assertThat(world.machine.memory().allocatedBytes()).isZero();
      assertThat(world.fake.violations).isEmpty();
    }
    assertThat(hit).containsExactly("CLOSE", "CLOSE_DOMAIN host", "CLOSE_DOMAIN blocked");
  }

  @Test
  void i04_aStartWhoseUndoFailsKeepsTheTablesAndTheNextStartFinishesTheUndo() {
    World world = new World();
    boolean[] broken = {true};
    world.fake.plan.onCall(
        kind -> {
          if (broken[0] && (kind == Kind.ENABLE || kind == Kind.CLOSE)) {
            throw new VmmException(Errno.ETIMEDOUT, "injected: the unit does not answer");
          }
        });
    long before = world.machine.memory().allocatedBytes();
    assertThatThrownBy(world.one::assign).hasMessageContaining("ETIMEDOUT");
    assertThat(world.vmm.iommu().state()).isEqualTo(IommuState.FAILED);
    // What the unit may still walk is not freed: the tables of the host and the blocked domain.
    assertThat(world.machine.memory().allocatedBytes()).isEqualTo(before + 2 * 4096);
    assertThatThrownBy(world.one::assign).hasMessageContaining("ETIMEDOUT");
    assertThat(world.fake.plan.count(Kind.OPEN)).isEqualTo(1);
    broken[0] = false;
    world.one.assign();
    world.check();
    world.close();
    assertThat(world.machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i04_aStartWhoseUndoMeetsAJvmWithoutMemoryIsTriedAgain() {
    World world = new World();
    boolean[] broken = {true};
    world.fake.plan.onCall(
        kind -> {
          if (broken[0] && kind == Kind.ENABLE) {
            throw new VmmException(Errno.ETIMEDOUT, "injected: the unit does not answer");
          }
          if (broken[0] && kind == Kind.CLOSE) {
            throw new OutOfMemoryError("injected");
          }
        });
    assertThat(catchThrowable(world.one::assign)).isNotNull();
    assertThat(world.vmm.iommu().state()).isEqualTo(IommuState.FAILED);
    broken[0] = false;
    world.one.assign();
    world.check();
    world.close();
    assertThat(world.machine.memory().allocatedBytes()).isZero();
  }

  @Test
  void i02_i06_aDriverThatMovesItsDeviceAndThenFailsLeavesNoDeviceInTheVmsDomain() {
    World world = new World();
    world.one.assign();
    PassthroughDevice rude =
        new PassthroughDevice() {
          @Override
          public Rid rid() {
            return TWO;
          }

          @Override
          public void unassign() {}
        };
    assertThatThrownBy(
            () ->
                world.vm.admit(
                    rude,
                    domain -> {
                      world.vmm.iommu().move(List.of(TWO), domain);
                      throw new IllegalStateException("after the move");
                    }))
        .hasMessage("after the move");
    world.check();
    assertThat(world.vm.devices()).containsExactly(world.one);
    world.vmm.iommu().unclaim(List.of(TWO)); // as a driver does that could reset it later
    world.close();
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void aBackEndThatThrowsAnythingElseIsAnEio(Kind kind) {
    World world = new World();
    world.fake.plan.failWith(kind, 1, new IllegalStateException("third-party"));
    VmmException failure =
        catchThrowableOfType(
            VmmException.class,
            () -> {
              world.one.assign();
              world.vm.removeMemory(0);
              world.vm.close();
              world.close();
            });
    if (kind == Kind.DISABLE) {
      assertThat(failure).as("disable is part of the back end's close").isNull();
      return;
    }
    assertThat(failure.errno()).isIn(Errno.EIO, Errno.ENXIO);
    assertThat(failure).hasStackTraceContaining("third-party");
    if (failure.errno() == Errno.ENXIO) {
      assertThat(world.vmm.iommu().failure().orElseThrow().errno()).isEqualTo(Errno.EIO);
    }
    world.close();
    assertThat(world.fake.violations).isEmpty();
  }

  @ParameterizedTest
  @EnumSource(names = {"EIO", "ETIMEDOUT", "ENOMEM"})
  void i05_memoryWhoseUnmapIsNotConfirmedIsNeverFreed(Errno errno) {
    World world = new World();
    world.one.assign();
    long before = world.machine.memory().allocatedBytes();
    world.fake.plan.failNth(Kind.UNMAP, 1, errno);
    assertThatThrownBy(() -> world.vm.removeMemory(0)).hasMessageContaining("injected");
    assertThat(world.machine.memory().allocatedBytes()).isEqualTo(before);
    boolean nothingChanged = errno == Errno.ENOMEM;
    assertThat(world.vm.memory()).hasSize(nothingChanged ? 2 : 1);
    world.close();
    assertThat(world.machine.memory().allocatedBytes()).isEqualTo(nothingChanged ? 0 : 2 * MIB);
  }

  @ParameterizedTest
  @EnumSource(names = {"EIO", "ENOMEM"})
  void i06_memoryAddedForADeviceIsAllOrNothing(Errno errno) {
    World world = new World();
    world.one.assign();
    long before = world.machine.memory().allocatedBytes();
    world.fake.plan.failNth(Kind.MAP, 1, errno);
    assertThatThrownBy(() -> world.vm.addMemory(32 * MIB, 4096, Access.READ_WRITE))
        .hasMessageContaining("injected");
    assertThat(world.vm.memory()).hasSize(2);
    assertThat(world.machine.memory().allocatedBytes() - before)
        .as("kept if the unit may know it")
        .isEqualTo(errno == Errno.EIO ? 4096 : 0);
    world.vm.addMemory(32 * MIB, 4096, Access.READ_WRITE);
    assertThat(world.fake.current().dma(ONE, 32 * MIB, Access.READ_WRITE))
        .contains(world.vm.memory().get(2).hpa());
    world.close();
  }
}
