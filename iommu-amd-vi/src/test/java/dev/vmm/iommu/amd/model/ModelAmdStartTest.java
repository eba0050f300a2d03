package dev.vmm.iommu.amd.model;

import static dev.vmm.iommu.amd.model.Driven.EDU;
import static dev.vmm.iommu.amd.model.Driven.IOVA;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.model.ModelMachineBuilder;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * How units are taken over, started, stopped and given back, and what becomes of it if they fail.
 */
class ModelAmdStartTest {
  private static final int[] WRITTEN = {
    0x00, 0x08, 0x10, 0x18, 0x20, 0x2000, 0x2008, 0x2010, 0x2018
  };

  private static Map<Integer, Long> image(RegisterBlock unit) {
    Map<Integer, Long> image = new TreeMap<>();
    for (int offset : WRITTEN) {
      image.put(offset, unit.read64(offset));
    }
    return image;
  }

  /** Leaves registers as a careless owner does: off, but pointing anywhere. */
  private static void inherit(Driven driven) {
    RegisterBlock unit = driven.registers();
    unit.write64(Driven.DEVICE_TABLE, 0x123_4000);
    unit.write64(Driven.COMMAND_BUFFER, 0x0a00_0000_0567_8000L);
    unit.write64(Driven.EVENT_LOG, 0x0800_0000_0765_4000L);
    unit.write64(Driven.COMMAND_TAIL, 0x40);
    unit.write64(Driven.COMMAND_HEAD, 0x20);
    unit.write64(Driven.EVENT_HEAD, 0x60);
    unit.write64(Driven.EVENT_TAIL, 0x80);
    unit.write64(Driven.CONTROL, 0x1004);
  }

  @Test
  void i04_everyRegisterIsAfterwardsWhatItWas() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      inherit(driven);
      Map<Integer, Long> before = image(driven.registers());
      long allocated = driven.machine.memory().allocatedBytes();
      Iommu iommu = driven.open();
      Domain domain = driven.domain(iommu, "d");
      iommu.move(List.of(EDU), domain);
      assertThat(image(driven.registers())).as("before it is turned on").isEqualTo(before);
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
      driven.blockedWrites(700);
      iommu.disable();
      assertThat(image(driven.registers())).isEqualTo(before);
      iommu.enable();
      iommu.close();
      domain.close();
      assertThat(image(driven.registers())).isEqualTo(before);
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }

  /** A log does not run on top of an overflow that nobody has cleared. */
  @Test
  void i04_anOverflowThatAnOwnerBeforeLeftDoesNotStopTheLog() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      RegisterBlock unit = driven.registers();
      overflow(driven);
      assertThat(unit.read64(Driven.STATUS) & 0x1b).isEqualTo(0x3);
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      iommu.enable();
      assertThat(unit.read64(Driven.STATUS) & 0x1b).as("both buffers run").isEqualTo(0x18);
      driven.blockedWrites(3);
      FaultBatch batch = iommu.drainFaults();
      assertThat(batch.overflowed()).isFalse();
      assertThat(batch.faults()).hasSize(3);
      iommu.close();
    }
  }

  /** Fills a log of 256 events, one more than it holds, as an owner before. */
  private static void overflow(Driven driven) {
    RegisterBlock unit = driven.registers();
    PhysicalMemory memory = driven.machine.memory();
    long log = memory.allocatePage();
    long table = memory.allocatePage();
    memory.write64(table + 32L * EDU.id16(), 3);
    unit.write64(Driven.DEVICE_TABLE, table);
    unit.write64(Driven.EVENT_LOG, log | 8L << 56);
    unit.write64(Driven.CONTROL, 5);
    while ((unit.read64(Driven.STATUS) & 8) == 0) {}
    driven.blockedWrites(256);
    unit.write64(Driven.CONTROL, 0);
    while ((unit.read64(Driven.STATUS) & 8) != 0) {}
    unit.write64(Driven.DEVICE_TABLE, 0);
    unit.write64(Driven.EVENT_LOG, 8L << 56);
    memory.free(log, PhysicalMemory.PAGE_BYTES);
    memory.free(table, PhysicalMemory.PAGE_BYTES);
  }

  @Test
  void theRangeThatFirmwareLetPastAllTablesIsClosedMeanwhile() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      RegisterBlock unit = driven.registers();
      unit.write64(0x28, 0x2000_0000);
      unit.write64(Driven.EXCLUSION, 0x1000_0003);
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      iommu.enable();
      assertThat(driven.writes(EDU, 0x1100_0000)).isFalse();
      iommu.close();
      assertThat(unit.read64(Driven.EXCLUSION)).isEqualTo(0x1000_0003);
    }
  }

  @ParameterizedTest
  @CsvSource({"0x1, CONTROL 0x1 {IommuEn}", "0x1005, IommuEn}"})
  void i11_aUnitThatIsEnabledBelongsToSomebodyElse(String control, String words) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      driven.registers().write64(Driven.CONTROL, Long.decode(control));
      long allocated = driven.machine.memory().allocatedBytes();
      assertThatThrownBy(driven::open)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY))
          .hasMessageContainingAll("amdvi0 at 0xfed80000", words, "somebody else");
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0x08, 0x10})
  void i11_aUnitWhoseBuffersRunBelongsToSomebodyElse(long status) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      HookedMachine running =
          new HookedMachine(driven.machine) {
            @Override
            protected long read(RegisterBlock unit, long offset, long value) {
              return offset == Driven.STATUS ? value | status : value;
            }
          };
      assertThatThrownBy(() -> driven.open(running))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY))
          .hasMessageContaining("Run}");
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {
        Driven.DEVICE_TABLE,
        Driven.COMMAND_BUFFER,
        Driven.EVENT_LOG,
        Driven.CONTROL,
        Driven.EXCLUSION
      })
  void i04_aStartWhoseWriteIsLostIsRefusedAndUndoneAndMayBeTriedAgain(int register) {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      driven.registers().write64(Driven.EXCLUSION, 0x1000_0001);
      Map<Integer, Long> before = image(driven.registers());
      Iommu iommu = driven.open();
      Domain domain = driven.mapped(iommu, "d", driven.page());
      iommu.move(List.of(EDU), domain);
      driven.lose(register);
      assertThatThrownBy(iommu::enable)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
          .hasMessageContainingAll("amdvi0", "did not take a write");
      assertThat(driven.registers().read64(Driven.CONTROL) & 1).isZero();
      driven.lost.clear();
      iommu.enable();
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      iommu.close();
      assertThat(image(driven.registers())).isEqualTo(before);
    }
  }

  /** Whichever it is, in the start or at the end. */
  @Test
  void i04_i05_noWriteThatIsLostLeavesAUnitHalfOnOrItsMemoryFreed() {
    int lost = 0;
    for (boolean more = true; more; ) {
      try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
        inherit(driven);
        driven.registers().write64(Driven.EXCLUSION, 0x1000_0001);
        Map<Integer, Long> before = image(driven.registers());
        long allocated = driven.machine.memory().allocatedBytes();
        int[] left = {++lost};
        Iommu iommu =
            driven.open(
                new HookedMachine(driven.machine) {
                  @Override
                  protected boolean arrives(RegisterBlock unit, long offset, long value) {
                    return --left[0] != 0;
                  }
                });
        Domain domain = driven.mapped(iommu, "d", 0x10_0000);
        iommu.move(List.of(EDU), domain);
        if (catchThrowable(iommu::enable) != null) {
          assertThat(image(driven.registers())).as("write %d lost", lost).isEqualTo(before);
          iommu.enable();
        }
        assertThat(driven.writes(EDU, IOVA)).as("write %d lost", lost).isTrue();
        driven.blockedWrites(1);
        long used = driven.machine.memory().allocatedBytes();
        if (catchThrowable(iommu::close) != null) {
          assertThat(driven.machine.memory().allocatedBytes())
              .as("write %d lost: kept", lost)
              .isEqualTo(used);
          iommu.close();
        }
        domain.close();
        assertThat(image(driven.registers())).as("write %d lost", lost).isEqualTo(before);
        assertThat(driven.machine.memory().allocatedBytes())
            .as("write %d lost", lost)
            .isEqualTo(allocated);
        more = left[0] <= 0;
      }
    }
    assertThat(lost).as("writes of a start and an end").isGreaterThan(20);
  }

  @Test
  void i04_aSecondUnitThatFailsLeavesTheFirstOff() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd().units(2), "60")) {
      long second = driven.machine.units().get(1).registers().start();
      Iommu iommu = driven.open();
      iommu.move(List.of(EDU), driven.domain(iommu, "d"));
      driven.lost.add(second + Driven.CONTROL);
      assertThatThrownBy(iommu::enable).hasMessageContainingAll("amdvi1", "did not take a write");
      assertThat(driven.registers().read64(Driven.CONTROL)).isZero();
      assertThat(iommu.enabled()).isFalse();
      driven.lost.clear();
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
      iommu.close();
    }
  }

  /** What a unit that is on may still read must not be freed. */
  @Test
  void i05_aStopThatFailsFreesNothingAndCanBeTriedAgain() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      long allocated = driven.machine.memory().allocatedBytes();
      Iommu iommu = driven.open();
      Domain domain = driven.domain(iommu, "d");
      iommu.move(List.of(EDU), domain);
      iommu.enable();
      long used = driven.machine.memory().allocatedBytes();
      driven.lose(Driven.CONTROL);
      assertThatThrownBy(iommu::close).hasMessageContainingAll("amdvi0", "did not take a write");
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(used);
      driven.lost.clear();
      iommu.close();
      domain.close();
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(allocated);
    }
  }

  @Test
  void i05_buffersThatDoNotStopAreKept() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd(), "60")) {
      boolean[] stuck = new boolean[1];
      HookedMachine machine =
          new HookedMachine(driven.machine) {
            @Override
            protected long read(RegisterBlock unit, long offset, long value) {
              return stuck[0] && offset == Driven.STATUS ? value | 0x10 : value;
            }
          };
      Iommu iommu = driven.open(machine);
      iommu.enable();
      long used = driven.machine.memory().allocatedBytes();
      stuck[0] = true;
      assertThatThrownBy(iommu::close)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT))
          .hasMessageContainingAll("{CmdBufRun} after", " ms");
      assertThat(driven.machine.memory().allocatedBytes()).isEqualTo(used);
      stuck[0] = false;
      iommu.close();
    }
  }

  /**
   * With GAEn (bit 17) or 2048 entries (44:43) a table would be read in another format than ours.
   */
  @Test
  void i04_theGuestApicThatFirmwareLeftOnIsOffMeanwhile() {
    long left = 1L << 17 | 1L << 25 | 1L << 28 | 1L << 43 | 1L << 50;
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      long[] extra = {left};
      HookedMachine guestApic =
          new HookedMachine(driven.machine) {
            @Override
            protected boolean arrives(RegisterBlock unit, long offset, long value) {
              if (offset == Driven.CONTROL) {
                extra[0] = value & left;
                unit.write64(offset, value & ~left);
              }
              return offset != Driven.CONTROL;
            }

            @Override
            protected long read(RegisterBlock unit, long offset, long value) {
              return offset == Driven.CONTROL ? value | extra[0] : value;
            }
          };
      Iommu iommu = driven.open(guestApic);
      iommu.enable();
      assertThat(extra[0]).isZero();
      iommu.close();
      assertThat(extra[0]).isEqualTo(left);
    }
  }

  @Test
  void anIdThatWasNeverMovedReachesNothing() {
    try (Driven driven = new Driven(ModelMachineBuilder.amd())) {
      Iommu iommu = driven.open();
      iommu.enable();
      assertThat(driven.writes(EDU, 0x10_0000)).isFalse();
      assertThat(iommu.drainFaults().faults()).hasSize(1);
      Domain domain = driven.mapped(iommu, "d", driven.page());
      iommu.move(List.of(EDU), domain);
      assertThat(driven.writes(EDU, IOVA)).isTrue();
      iommu.close();
    }
  }
}
