package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.CONTROL;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_BASE;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_HEAD;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_LOG_EN;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_LOG_RUN;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_OVERFLOW;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_TAIL;
import static dev.vmm.iommu.amd.unit.FakeUnit.STATUS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * A log that a device fills faster than anybody looks, and one whose pointer runs ahead of what is
 * in it. Source: 48882 rev 3, "Event Logging" and "IOMMU Status Register".
 */
class FloodedLogTest {
  private static final int ENTRIES = 512;
  private static final long PAGE_FAULT = 0x2L << 60 | 0x0310;

  /** The log is full before the write that starts it returns: it ran, and stopped. */
  private static final class FloodedUnit extends FakeUnit {
    private long next;

    FloodedUnit() {
      super(IMPATIENT);
    }

    @Override
    void written(int register) {
      if (register != CONTROL || (read(CONTROL, 8) & EVENT_LOG_EN) == 0) {
        return;
      }
      int tail = (int) read(EVENT_TAIL, 8);
      for (int i = 1; i < ENTRIES; i++) {
        memory.write64(ring(EVENT_BASE) + tail + 8, ++next << 12);
        memory.write64(ring(EVENT_BASE) + tail, PAGE_FAULT);
        tail = (tail + 16) % (16 * ENTRIES);
      }
      values.put(EVENT_TAIL, (long) tail);
      values.put(STATUS, values.get(STATUS) & ~EVENT_LOG_RUN | EVENT_OVERFLOW);
    }
  }

  private static EventLog started(FakeUnit unit) {
    EventLog log = new EventLog(unit.registers, unit.memory, true, 0, unit.control);
    log.start();
    unit.control.set(EVENT_LOG_EN);
    log.awaitRunning();
    return log;
  }

  @Test
  void i16_aLogThatIsFullAsSoonAsItRunsHasStartedAndAllOfItIsTold() {
    EventLog log = started(new FloodedUnit());
    for (int round = 0; round < 3; round++) {
      List<DmaFault> faults = new ArrayList<>();
      assertThat(log.drainTo(faults)).as("some are lost").isTrue();
      assertThat(faults).hasSize(ENTRIES - 1);
      assertThat(faults.get(0).iova()).isEqualTo((round * (ENTRIES - 1L) + 1) << 12);
    }
  }

  @Test
  void i13_aLogThatNeitherRunsNorOverflowsIsNotTakenForStarted() {
    FakeUnit unit =
        new FakeUnit(FakeUnit.IMPATIENT) {
          @Override
          void written(int register) {
            if (register == CONTROL) {
              values.put(STATUS, 0L);
            }
          }
        };
    assertThatThrownBy(() -> started(unit))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT))
        .hasMessageContainingAll("to run its event log", "STATUS", "0x9");
  }

  /** It would be taken for one that ran and is full. */
  @Test
  void anOverflowThatCannotBeClearedEndsTheRestart() {
    FakeUnit unit =
        new FakeUnit(FakeUnit.IMPATIENT) {
          @Override
          public long read(long offset, int widthBytes) {
            long value = super.read(offset, widthBytes);
            return offset == STATUS && (value & 2) != 0 ? value | EVENT_OVERFLOW : value;
          }
        };
    EventLog log = started(unit);
    unit.values.put(STATUS, EVENT_OVERFLOW | 2);
    assertThatThrownBy(() -> log.drainTo(new ArrayList<>()))
        .hasMessageContainingAll("did not take a write", "STATUS");
  }

  /** The unit's lock is held all the while. */
  @Test
  void i13_aPointerThatRunsAheadCostsOneWaitAndNotOneForEachEntry() {
    FakeUnit unit = new FakeUnit(100);
    EventLog log = started(unit);
    unit.values.put(EVENT_TAIL, 16L * (ENTRIES - 1));
    // The last one is there.
    long last = unit.ring(EVENT_BASE) + 16 * (ENTRIES - 2);
    unit.memory.write64(last + 8, 0x7000);
    unit.memory.write64(last, PAGE_FAULT);
    List<DmaFault> faults = new ArrayList<>();
    long begin = System.nanoTime();
    assertThat(log.drainTo(faults)).as("some are lost").isTrue();
    assertThat(Duration.ofNanos(System.nanoTime() - begin)).isLessThan(Duration.ofSeconds(10));
    assertThat(faults).extracting(DmaFault::iova).containsExactly(0x7000L);
    assertThat(unit.read(EVENT_HEAD, 8)).isEqualTo(unit.read(EVENT_TAIL, 8));
  }
}
