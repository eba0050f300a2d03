package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The command buffer and the event log: their ends, their errors, and what comes late. */
class ModelAmdRingsTest {
  private static VmmException failure(org.assertj.core.api.ThrowableAssert.ThrowingCallable step) {
    return org.assertj.core.api.Assertions.catchThrowableOfType(VmmException.class, step);
  }

  /** A unit whose pointers may be ahead of what they tell of. */
  private static ModelMachineBuilder amd(boolean loose) {
    return ModelMachineBuilder.amd().amdVi(unit -> unit.looseOrder(loose));
  }

  @Test
  void theCommandBufferWrapsManyTimes() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      long hpa = driven.page();
      Domain domain = driven.domain(iommu, "d");
      iommu.move(List.of(EDU), domain);
      iommu.enable();
      for (int i = 0; i < 900; i++) {
        domain.map(IOVA, hpa, 0x1000, Access.READ_WRITE);
        assertThat(driven.writes(EDU, IOVA)).isTrue();
        domain.unmap(IOVA, 0x1000);
        assertThat(driven.writes(EDU, IOVA)).isFalse();
      }
      iommu.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aBatchLargerThanTheBufferWaitsForRoom(boolean headAhead) {
    try (Driven driven = new Driven(amd(headAhead))) {
      Iommu iommu = driven.open();
      Domain one = driven.mapped(iommu, "one", driven.page());
      Domain two = driven.domain(iommu, "two");
      iommu.move(List.of(EDU), one);
      iommu.enable();
      iommu.move(Driven.rids(2000), one);
      iommu.move(Driven.rids(2000), two);
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      iommu.close();
    }
  }

  @Test
  void i13_aFullBufferOfWhichTheUnitTakesNothingTimesOut() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      HookedMachine deaf =
          new HookedMachine(driven.machine) {
            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              return driven.lost.isEmpty() || offset != Driven.COMMAND_TAIL;
            }
          };
      Iommu iommu = driven.open(deaf);
      Domain one = driven.domain(iommu, "one");
      iommu.move(List.of(EDU), one);
      iommu.enable();
      driven.lost.add(0L);

      VmmException e = failure(() -> iommu.move(Driven.rids(2000), one));

      assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT);
      assertThat(e).hasMessageContainingAll("amdvi0", "full command buffer", "ms");
      driven.lost.clear();
      iommu.close();
      assertThat(driven.machine.memory().allocatedBytes()).isPositive();
      one.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"LOSE", "FAIL"})
  void i13_aCompletionThatDoesNotComeIsAnErrorAndPoisonsUntilARestart(Effect effect) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      Iommu iommu = driven.open();
      long hpa = driven.page();
      Domain domain = driven.mapped(iommu, "d", hpa);
      iommu.move(List.of(EDU), domain);
      iommu.enable();
      driven.machine.injector().nth(Operation.COMPLETION, effect, 1);

      VmmException e = failure(() -> domain.unmap(IOVA, 0x1000));

      if (effect == Effect.FAIL) {
        assertThat(e.errno()).isEqualTo(Errno.EIO);
        assertThat(e)
            .hasMessageContainingAll("amdvi0", "stopped at the command", "COMMAND_HARDWARE_ERROR");
      } else {
        assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT);
        assertThat(e).hasMessageContainingAll("amdvi0", "ms", "hw.vmm.amdvi.timeout_ms");
      }
      VmmException again = failure(() -> domain.map(IOVA + 0x1000, hpa, 0x1000, Access.READ));
      assertThat(again.errno()).isEqualTo(Errno.EIO);
      assertThatThrownBy(() -> iommu.move(List.of(EDU), driven.domain(iommu, "e")))
          .hasMessageContaining("did not confirm");
      iommu.disable();
      iommu.enable();
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      domain.map(IOVA, hpa, 0x1000, Access.READ_WRITE);
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      iommu.close();
    }
  }

  @Test
  void aCompletionThatComesLateIsWaitedFor() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      Domain domain = driven.mapped(iommu, "d", driven.page());
      iommu.move(List.of(EDU), domain);
      iommu.enable();
      for (int n = 1; n < 12; n++) {
        driven.machine.injector().nth(Operation.COMPLETION, Effect.DELAY, n);
        domain.map(IOVA + 0x1000, driven.page(), 0x1000, Access.READ_WRITE);
        domain.unmap(IOVA + 0x1000, 0x1000);
        assertThat(driven.writes(EDU, IOVA + 0x1000)).isFalse();
      }
      iommu.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void i16_theEventLogWrapsAndNothingIsReplayed(boolean pointerAhead) {
    try (Driven driven = new Driven(amd(pointerAhead))) {
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      iommu.enable();
      for (int round = 0; round < 9; round++) {
        long first = 0x2000_0000L + round * 0x100_0000L;
        List<Long> iovas = new ArrayList<>();
        for (int i = 0; i < 170; i++) {
          iovas.add(first + i * 0x1000L);
          assertThat(driven.writes(EDU, first + i * 0x1000L)).isFalse();
        }
        FaultBatch batch = iommu.drainFaults();
        assertThat(batch.overflowed()).isFalse();
        assertThat(batch.faults()).extracting(DmaFault::iova).isEqualTo(iovas);
        assertThat(batch.faults()).allMatch(fault -> fault.rid().equals(EDU));
        assertThat(iommu.drainFaults().faults()).isEmpty();
      }
      iommu.close();
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void i16_aFullEventLogIsToldAsOverflowAndStartsAgain(boolean pointerAhead) {
    try (Driven driven = new Driven(amd(pointerAhead))) {
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      iommu.enable();
      for (int round = 0; round < 3; round++) {
        driven.blockedWrites(700);
        FaultBatch full = iommu.drainFaults();
        assertThat(full.overflowed()).isTrue();
        assertThat(full.faults()).hasSize(511);
        driven.blockedWrites(2);
        FaultBatch after = iommu.drainFaults();
        assertThat(after.overflowed()).isFalse();
        assertThat(after.faults()).hasSize(2);
      }
      assertThat(driven.registers().read64(Driven.STATUS) & 1).isZero();
      iommu.close();
    }
  }

  /** The pointer moves before the words come. */
  @Test
  void anEventThatIsNotThereYetIsWaitedForAndThenGivenUp() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      boolean[] early = new boolean[1];
      HookedMachine ahead =
          new HookedMachine(driven.machine) {
            @Override
            protected long read(RegisterBlock unit, long offset, long value) {
              return early[0] && offset == Driven.EVENT_TAIL ? value + 16 : value;
            }

            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              return !early[0] || offset != Driven.EVENT_HEAD;
            }
          };
      Iommu iommu = driven.open(ahead);
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      iommu.enable();
      driven.blockedWrites(3);
      early[0] = true;

      FaultBatch batch = iommu.drainFaults();

      assertThat(batch.faults()).hasSize(3);
      assertThat(batch.overflowed()).as("one is lost").isTrue();
      early[0] = false;
      iommu.close();
    }
  }

  @Test
  void i05_anIllegalCommandStopsTheBufferAndTheFaultsBeforeItAreStillTold() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      boolean[] armed = new boolean[1];
      HookedMachine spoiling =
          new HookedMachine(driven.machine) {
            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              if (armed[0] && offset == Driven.COMMAND_TAIL) {
                armed[0] = false;
                long ring = unit.read64(Driven.COMMAND_BUFFER) & 0xf_ffff_ffff_f000L;
                driven.machine.memory().write64(ring + (value + 0x2000 - 0x20 & 0x1fff), -1L >>> 1);
              }
              return true;
            }
          };
      Iommu iommu = driven.open(spoiling);
      Domain domain = driven.mapped(iommu, "d", driven.page());
      iommu.move(List.of(EDU), domain);
      iommu.enable();
      driven.blockedWrites(5);
      armed[0] = true;

      VmmException e = failure(() -> domain.unmap(IOVA, 0x1000));

      assertThat(e.errno()).isEqualTo(Errno.EIO);
      assertThat(e).hasMessageContainingAll("stopped at the command", "ILLEGAL_COMMAND_ERROR");
      assertThat(iommu.drainFaults().faults()).hasSize(5);
      iommu.close();
      assertThat(driven.machine.violations().take()).hasSize(1);
    }
  }
}
