package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import dev.vmm.machine.model.memory.Visibility;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Units that do what the book lets them do, but not what is asked: by the literal bits of 48882 rev
 * 3, "IOMMU Control Register" and "IOMMU Status Register".
 */
class WilfulUnitTest {
  /** InvTimeOut, PassPW, ResPassPW, Coherent, Isoc. */
  private static final long WISHES = 0xfe0;

  private static final long COHERENT = 0x400;
  private static final long ENABLED_RINGS = 0x1004;
  private static final long EVENT_OVERFLOW = 1;
  private static final long EVENT_LOG_INT = 2;
  private static final long EVENT_LOG_RUN = 8;

  /** CmdBufRun, EventLogRun. */
  private static final long RUNNING = 0x18;

  private static void translates(Driven driven, Iommu iommu) {
    Domain domain = driven.mapped(iommu, "d", driven.page());
    iommu.move(List.of(EDU), domain);
    iommu.enable();
    assertThat(driven.writes(EDU, IOVA)).isTrue();
    assertThat(driven.writes(EDU, IOVA + 0x1000)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aUnitThatGoesAboutItsRequestsInItsOwnWayIsDriven(boolean ones) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected long read(RegisterBlock unit, long offset, long value) {
                  return offset == Driven.CONTROL ? value & ~WISHES | (ones ? WISHES : 0) : value;
                }
              });
      translates(driven, iommu);
      iommu.close();
      assertThat(driven.registers().read64(Driven.CONTROL) & 0x1005).isZero();
    }
  }

  /** Its device table reads see what was flushed. */
  @Test
  void i05_aUnitThatDoesNotTakeCoherentIsShownEachEntryWhateverFirmwareSays() {
    try (Driven driven =
        new Driven(
            ModelMachineBuilder.amd()
                .visibility(Visibility.NON_COHERENT)
                .amdVi(unit -> unit.coherent(true)))) {
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected boolean arrives(RegisterBlock unit, long offset, long value) {
                  if (offset == Driven.CONTROL) {
                    unit.write64(offset, value & ~COHERENT);
                  }
                  return offset != Driven.CONTROL;
                }
              });
      translates(driven, iommu);
      iommu.move(List.of(EDU), driven.domain(iommu, "other"));
      assertThat(driven.writes(EDU, IOVA)).isFalse();
      iommu.close();
    }
  }

  /** A ring that is enabled is the unit's, be it that it does not run while the unit is off. */
  @Test
  void ringsThatFirmwareLeftEnabledAreDisabledBeforeTheyAreMoved() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      driven.registers().write64(Driven.CONTROL, ENABLED_RINGS);
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected boolean arrives(RegisterBlock unit, long offset, long value) {
                  if (offset == Driven.COMMAND_BUFFER || offset == Driven.EVENT_LOG) {
                    assertThat(unit.read64(Driven.CONTROL) & ENABLED_RINGS).isZero();
                  }
                  return true;
                }
              });
      translates(driven, iommu);
      iommu.close();
      assertThat(driven.registers().read64(Driven.CONTROL)).isEqualTo(ENABLED_RINGS);
    }
  }

  /** It still fetches for a while after it was told to stop: CmdBufRun and EventLogRun say so. */
  @Test
  void ringsThatFirmwareLeftRunningHaveStoppedBeforeTheyAreMoved() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      driven.registers().write64(Driven.CONTROL, ENABLED_RINGS);
      int[] looksUntilStopped = new int[] {-1};
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected boolean arrives(RegisterBlock unit, long offset, long value) {
                  if (offset == Driven.CONTROL && looksUntilStopped[0] < 0) {
                    looksUntilStopped[0] = 3;
                  } else if (offset == Driven.COMMAND_BUFFER || offset == Driven.EVENT_LOG) {
                    assertThat(looksUntilStopped[0]).as("looks until it has stopped").isZero();
                  }
                  return true;
                }

                @Override
                protected long read(RegisterBlock unit, long offset, long value) {
                  if (offset != Driven.STATUS || looksUntilStopped[0] <= 0) {
                    return value;
                  }
                  looksUntilStopped[0]--;
                  return looksUntilStopped[0] == 0 ? value : value | RUNNING;
                }
              });
      translates(driven, iommu);
      iommu.close();
    }
  }

  /** The log has stopped when the driver first looks whether it runs. */
  @Test
  void i04_aDeviceThatFillsTheLogAtOnceDoesNotKeepTheUnitFromBeingStarted() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "200")) {
      boolean[] full = new boolean[1];
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected boolean arrives(RegisterBlock unit, long offset, long value) {
                  if (offset == Driven.CONTROL && (value & ~unit.read64(Driven.CONTROL) & 1) != 0) {
                    full[0] = true;
                  } else if (offset == Driven.STATUS && (value & EVENT_OVERFLOW) != 0) {
                    full[0] = false;
                  }
                  return true;
                }

                @Override
                protected long read(RegisterBlock unit, long offset, long value) {
                  return full[0] && offset == Driven.STATUS
                      ? value & ~EVENT_LOG_RUN | EVENT_OVERFLOW
                      : value;
                }
              });
      translates(driven, iommu);
      assertThat(full[0]).as("the overflow was cleared").isFalse();
      assertThat(iommu.drainFaults().faults()).hasSize(1);
      iommu.close();
    }
  }

  /** It tells of interrupts, which nobody uses here. */
  @Test
  void aStatusBitThatStaysSetKeepsNoUnitFromBeingStartedAndGivenBack() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      long allocated = driven.machine.memory().allocatedBytes();
      Iommu iommu =
          driven.open(
              new HookedMachine(driven.machine) {
                @Override
                protected long read(RegisterBlock unit, long offset, long value) {
                  return offset == Driven.STATUS ? value | EVENT_LOG_INT : value;
                }
              });
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
      iommu.close();
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }
}
