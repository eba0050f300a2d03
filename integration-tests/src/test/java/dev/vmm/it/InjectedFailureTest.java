package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.ppt.PptState;
import dev.vmm.tck.Bench;
import dev.vmm.testing.RequiresQemu;
import java.util.EnumMap;
import org.junit.jupiter.api.Test;

/**
 * Each access of the unit's registers in turn fails once, while a real unit is started and a device
 * assigned, taken back and given back.
 */
@RequiresQemu
final class InjectedFailureTest {
  /** Fails the n-th access of the unit from now on, once. */
  private static final class FailingMachine extends UnitWatch {
    private int left;
    private boolean fired;

    FailingMachine(Machine machine) {
      super(machine);
    }

    void failNth(int n) {
      left = n;
      fired = false;
    }

    @Override
    protected void beforeAccess(String what, long offset) {
      if (left > 0 && --left == 0) {
        fired = true;
        throw new VmmException(
            Errno.EIO, String.format("injected failure of a %s at 0x%x", what, offset));
      }
    }
  }

  /** What became of one round. */
  private enum Outcome {
    /** The failing access was never reached. */
    NOT_REACHED,
    /** The assign held, or its next try did. */
    ASSIGNED,
    /** An invalidation was not confirmed: no domain of the unit changes until it is restarted. */
    POISONED
  }

  @Test
  void i04_i06_i13_aFirstAssignThatFailsAtAnyAccessLeavesAllAsItWas() {
    try (FailingMachine machine = new FailingMachine(Machines.open("qemu:intel"))) {
      EnumMap<Outcome, Integer> outcomes = new EnumMap<>(Outcome.class);
      for (int n = 1; !outcomes.containsKey(Outcome.NOT_REACHED); n++) {
        long allocated = machine.memory().allocatedBytes();
        Bench bench = Bench.open(machine);
        Outcome outcome = round(bench, machine, n);
        outcomes.merge(outcome, 1, Integer::sum);
        if (outcome == Outcome.POISONED) {
          assertThatThrownBy(bench::close).hasMessageContaining("injected failure");
          // The device could not be shown its home; it is silent, and a new platform can have it.
          assertThat(bench.command(bench.rid()) & 0x7).isZero();
        } else {
          bench.close();
          assertThat(machine.memory().allocatedBytes()).as("access %d", n).isEqualTo(allocated);
        }
        assertThat(Bench.unit(machine).enabled()).as("after access %d", n).isFalse();
      }
      assertThat(outcomes.get(Outcome.ASSIGNED)).isGreaterThan(20);
      assertThat(outcomes.get(Outcome.POISONED)).isBetween(1, 20);
    }
  }

  private static Outcome round(Bench bench, FailingMachine machine, int n) {
    bench.ppt().attach(bench.rid());
    VirtualMachine vm = bench.guest("guest");
    machine.failNth(n);
    VmmException failure = null;
    try {
      bench.ppt().assign(bench.rid(), vm);
    } catch (VmmException e) {
      failure = e;
    }
    boolean fired = machine.fired;
    machine.failNth(0);
    if (failure != null) {
      assertThat(failure).as("access %d", n).hasMessageContaining("injected failure");
      assertThat(vm.devices()).as("access %d", n).isEmpty();
      assertThat(vm.domain()).isEmpty();
      assertThat(bench.command(bench.rid()) & 0x7).isZero();
      assertThat(bench.ppt().device(bench.rid()).orElseThrow().state()).isEqualTo(PptState.PARKED);
      boolean on = bench.vmm().iommu().state() == IommuState.ON;
      try {
        bench.ppt().assign(bench.rid(), vm);
      } catch (VmmException e) {
        assertThat(on).as("a failed start can be tried again, access %d: %s", n, e).isTrue();
        assertThat(e.errno()).isEqualTo(Errno.EIO);
        assertThat(e)
            .hasMessageContaining("did not confirm an earlier invalidation")
            .hasMessageContaining("restart the I/O MMU");
        assertThat(vm.devices()).isEmpty();
        return Outcome.POISONED;
      }
    }
    assertAssigned(bench, vm, n);
    return fired ? Outcome.ASSIGNED : Outcome.NOT_REACHED;
  }

  private static void assertAssigned(Bench bench, VirtualMachine vm, int n) {
    assertThat(bench.vmm().iommu().domainNameOf(bench.rid())).hasValue("vm:guest");
    UnitReport unit = bench.unit();
    assertThat(unit.enabled()).isTrue();
    assertThat(unit.problems()).isEmpty();
    if (n % 16 == 1) {
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(n, 64);
      vm.bus().storeBytes(0x1000, sent);
      engine.fromMemory(0x1000, 0, 64);
      engine.toMemory(0, 0x1000_0000, 64);
      assertThat(vm.bus().loadBytes(0x1000_0000, 64)).isEqualTo(sent);
    }
  }
}
