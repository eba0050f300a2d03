package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.OTHER;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Fails the n-th access of config space or registers, or the n-th call of the I/O MMU, for every n
 * until the operation gets through; after each failure the invariants hold and a retry works.
 */
@Execution(ExecutionMode.CONCURRENT)
class InjectionTest {
  /** What is made to fail. */
  enum Source {
    ACCESS_NOT_MADE,
    ACCESS_MADE,
    MACHINE_DEAD,
    IOMMU
  }

  private static final Rid D3 = Rid.parse("0000:00:09.0");
  private static final int NEVER_THAT_MANY = 20_000;

  static Stream<Arguments> cases() {
    return Stream.of(FULL, D3, PLAIN)
        .flatMap(rid -> Stream.of(Source.values()).map(source -> Arguments.of(rid, source)));
  }

  static Stream<Arguments> passing() {
    return cases().filter(arguments -> arguments.get()[1] != Source.MACHINE_DEAD);
  }

  /** One platform in which {@code rid} is the device of interest. */
  private static final class World {
    final PptFixture f = new PptFixture();
    final Rid rid;
    final FakeEndpoint endpoint;
    final byte[] host;
    final VirtualMachine vm;

    /** Held, as a dropped VM is destroyed at any time. */
    final VirtualMachine otherVm;

    World(Rid rid) {
      this.rid = rid;
      FakeEndpoint d3 =
          new FakeEndpoint(0x1af4, 0x1041, 0x020000, false)
              .pm(false)
              .pcie(false)
              .bar(0, 0x1000, 4)
              .seal()
              .firmware(0, 0x7_0000_0000L);
      d3.config.putShort(4, (short) 0x0106);
      f.add(D3.toString(), d3);
      endpoint = (FakeEndpoint) f.machine.pci().functions.get(rid);
      host = endpoint.image();
      vm = f.vm("a");
      otherVm = f.vm("other");
    }

    /** Starts the I/O MMU by way of another device. */
    World on() {
      f.driver.attach(OTHER);
      f.driver.assign(OTHER, otherVm);
      return this;
    }

    World attached() {
      f.driver.attach(rid);
      return this;
    }

    World assigned() {
      attached();
      f.driver.assign(rid, vm);
      PptDevice device = f.driver.device(rid).orElseThrow();
      long base = device.bars().get(0).base();
      if (device.bars().get(0).lengthBytes() >= 0x1000) {
        device.mapMmio(0x4000_0000L, 0x1000, base);
      }
      if (device.msix().isPresent()) {
        device.setupMsix(1, 0xfee00000L, 0x41, false);
        device.setupMsix(3, 0xfee00000L, 0x43, true);
      }
      return this;
    }

    PptState state() {
      return f.driver.device(rid).map(PptDevice::state).orElse(PptState.HOST);
    }

    void arm(Source source, int n) {
      switch (source) {
        case ACCESS_NOT_MADE -> f.machine.pci().failNth(n, TestPci.Failing.BEFORE);
        case ACCESS_MADE -> f.machine.pci().failNth(n, TestPci.Failing.AFTER);
        case MACHINE_DEAD -> f.machine.pci().failNth(n, TestPci.Failing.FOR_GOOD);
        case IOMMU -> f.provider.plan.failNth(n, Errno.EIO);
      }
    }

    boolean fired(Source source) {
      return source == Source.IOMMU ? f.provider.plan.fired() : f.machine.pci().fired();
    }

    void disarm() {
      f.machine.pci().failNth(0, TestPci.Failing.BEFORE);
    }

    /** Ends its VMs while this thread still holds them. */
    void end() {
      disarm();
      f.provider.plan.reset();
      vm.close();
      otherVm.close();
    }

    /** What holds after any failure. */
    void invariants(String when) {
      assertThat(f.provider.violations).as(when).isEmpty();
      PptState state = state();
      String domain = f.domainOf(rid);
      if (!domain.equals("none")) {
        assertThat(domain)
            .as(when)
            .isEqualTo(
                switch (state) {
                  case HOST -> "host";
                  case PARKED, BROKEN -> "blocked";
                  case ASSIGNED -> "vm:a";
                });
      }
      if (state != PptState.ASSIGNED) {
        assertThat(vm.destroyed() || vm.devices().isEmpty()).as(when).isTrue();
      }
      if (state == PptState.PARKED || state == PptState.BROKEN) {
        assertThat(f.driver.device(rid).orElseThrow().ownerName()).as(when).isEmpty();
      }
    }
  }

  private interface Setup {
    World world();
  }

  private interface Step {
    void run(World world);
  }

  private static void exhaust(Source source, Setup setup, Step operation, Step afterFailure) {
    for (int n = 1; n < NEVER_THAT_MANY; n++) {
      World world = setup.world();
      world.arm(source, n);
      VmmException failure = null;
      try {
        operation.run(world);
      } catch (VmmException e) {
        failure = e;
      }
      if (!world.fired(source)) {
        assertThat(failure).isNull();
        assertThat(n).as("operations made").isGreaterThan(1);
        world.end();
        return;
      }
      assertThat(failure).as("failure of " + n).isNotNull();
      assertThat(failure.errno()).as("failure of " + n).isIn(Errno.EIO, Errno.ENXIO);
      world.invariants("machine failing at " + n + ": " + failure.getMessage());
      world.disarm();
      afterFailure.run(world);
      world.invariants("retried after " + n);
      world.end();
    }
    throw new AssertionError("never got through");
  }

  @ParameterizedTest
  @MethodSource("passing")
  void i06_attachThatFailsLeavesNoTrace(Rid rid, Source source) {
    exhaust(
        source,
        () -> new World(rid).on(),
        world -> world.f.driver.attach(rid),
        world -> {
          assertThat(world.endpoint.image()).isEqualTo(world.host);
          assertThat(world.f.driver.device(rid)).isEmpty();
          world.f.driver.attach(rid);
          assertThat(world.state()).isEqualTo(PptState.PARKED);
        });
  }

  @ParameterizedTest
  @MethodSource("passing")
  void i06_assignThatFailsLeavesDeviceAndVmAsBefore(Rid rid, Source source) {
    byte[] parked = new World(rid).attached().endpoint.image();
    exhaust(
        source,
        () -> new World(rid).attached(),
        world -> world.f.driver.assign(rid, world.vm),
        world -> {
          assertThat(world.endpoint.image()).isEqualTo(parked);
          assertThat(world.state()).isEqualTo(PptState.PARKED);
          assertThat(world.vm.domain()).isEmpty();
          world.f.driver.assign(rid, world.vm);
          assertThat(world.state()).isEqualTo(PptState.ASSIGNED);
          world.f.driver.unassign(rid, world.vm);
          assertThat(world.endpoint.image()).isEqualTo(parked);
        });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void i06_unassignThatFailsEndsParkedOrBlockedAndBroken(Rid rid, Source source) {
    byte[] parked = new World(rid).attached().endpoint.image();
    exhaust(
        source,
        () -> new World(rid).assigned(),
        world -> world.f.driver.unassign(rid, world.vm),
        world -> {
          assertThat(world.state()).isIn(PptState.PARKED, PptState.BROKEN);
          if (world.state() == PptState.PARKED) {
            assertThat(world.endpoint.image()).isEqualTo(parked);
          }
          world.f.driver.detach(rid);
          assertThat(world.endpoint.image()).isEqualTo(world.host);
          world.attached();
          world.f.driver.assign(rid, world.vm);
        });
  }

  @ParameterizedTest
  @MethodSource("passing")
  void i06_detachThatFailsLeavesTheDeviceParked(Rid rid, Source source) {
    byte[] parked = new World(rid).attached().endpoint.image();
    exhaust(
        source,
        () -> new World(rid).on().attached(),
        world -> world.f.driver.detach(rid),
        world -> {
          assertThat(world.state()).isEqualTo(PptState.PARKED);
          assertThat(world.endpoint.image()).isEqualTo(parked);
          world.f.driver.detach(rid);
          assertThat(world.endpoint.image()).isEqualTo(world.host);
        });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void i07_aVmWhoseDestructionMeetsAFailureIsDestroyedAndItsDeviceIsOut(Rid rid, Source source) {
    exhaust(
        source,
        () -> new World(rid).assigned(),
        world -> world.vm.close(),
        world -> {
          assertThat(world.vm.destroyed()).isTrue();
          assertThat(world.state()).isIn(PptState.PARKED, PptState.BROKEN);
          world.f.driver.detach(rid);
          assertThat(world.endpoint.image()).isEqualTo(world.host);
        });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void i08_closeOfTheDriverCanBeTriedAgain(Rid rid, Source source) {
    exhaust(
        source,
        () -> new World(rid).assigned(),
        world -> world.f.driver.close(),
        world -> {
          world.f.driver.close();
          assertThat(world.f.driver.devices()).isEmpty();
          assertThat(world.endpoint.image()).isEqualTo(world.host);
        });
  }

  @ParameterizedTest
  @MethodSource("cases")
  void i06_anAssignOnAMachineThatDiesNeverLeavesTheDeviceInTheVm(Rid rid, Source source) {
    exhaust(
        source,
        () -> new World(rid).attached(),
        world -> world.f.driver.assign(rid, world.vm),
        world -> {
          assertThat(world.state()).isIn(PptState.PARKED, PptState.BROKEN);
          assertThat(world.vm.domain()).isEmpty();
          world.f.driver.detach(rid);
          assertThat(world.endpoint.image()).isEqualTo(world.host);
        });
  }

  @ParameterizedTest
  @EnumSource(names = {"ACCESS_NOT_MADE", "ACCESS_MADE"})
  void interruptSetupThatFailsCanBeTriedAgain(Source source) {
    Rid rid = FULL;
    exhaust(
        source,
        () -> {
          World world = new World(rid).attached();
          world.f.driver.assign(rid, world.vm);
          return world;
        },
        world -> {
          PptDevice device = world.f.driver.device(rid).orElseThrow();
          device.setupMsix(2, 0xfee00000L, 0x42, false);
        },
        world -> {
          PptDevice device = world.f.driver.device(rid).orElseThrow();
          device.setupMsix(2, 0xfee00000L, 0x42, false);
          assertThat(world.f.machine.peek(PptFixture.BAR0 + 0x3020 + 8, 4)).isEqualTo(0x42);
          assertThat(world.endpoint.config.getShort(FakeEndpoint.MSIX + 2) & 0xc000)
              .isEqualTo(0x8000);
        });
  }
}
