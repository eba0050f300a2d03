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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The ring of events by literal words of 48882 rev 3, "Event Logging": the code in 63:60 (2 is
 * IO_PAGE_FAULT, 5 ILLEGAL_COMMAND_ERROR), the DeviceID in 15:0.
 */
class EventLogTest {
  private static final int ENTRIES = 512;
  private static final long PAGE_FAULT = 0x2L << 60 | 0x0310;
  private static final long ILLEGAL_COMMAND = 0x5L << 60;

  private FakeUnit unit = new FakeUnit(FakeUnit.PATIENT);
  private EventLog log = log(true);

  private EventLog log(boolean coherent) {
    return new EventLog(unit.registers, unit.memory, coherent, 0, unit.control);
  }

  private EventLog started(EventLog log) {
    log.start();
    unit.control.set(EVENT_LOG_EN);
    unit.writes.clear();
    unit.flushed.clear();
    return log;
  }

  /** The unit appends an event. */
  private void event(long low, long high) {
    int tail = (int) unit.read(EVENT_TAIL, 8);
    long at = unit.ring(EVENT_BASE) + tail;
    unit.memory.write64(at + 8, high);
    unit.memory.write64(at, low);
    unit.values.put(EVENT_TAIL, (tail + 16L) % (16 * ENTRIES));
  }

  private List<Long> drained(boolean overflowed) {
    List<DmaFault> faults = new ArrayList<>();
    assertThat(log.drainTo(faults)).as("whether some were lost").isEqualTo(overflowed);
    assertThat(faults).allMatch(fault -> fault.rid().id16() == 0x0310);
    return faults.stream().map(DmaFault::iova).toList();
  }

  @Test
  void aLogThatIsStartedIsEmptyAndItsRegistersAreZero() {
    long before = unit.memory.allocate(16 * ENTRIES, 4096);
    unit.memory.fill64(before, 2 * ENTRIES, -1, 0);
    unit.memory.free(before, 16 * ENTRIES);
    unit.values.put(EVENT_HEAD, 0x30L);
    unit.values.put(EVENT_TAIL, 0x40L);

    log.start();

    long ring = unit.ring(EVENT_BASE);
    assertThat(ring).isEqualTo(before);
    assertThat(unit.read(EVENT_BASE, 8)).isEqualTo(ring | 9L << 56);
    assertThat(unit.memory.find64(ring, 2 * ENTRIES, -1)).as("first word set").isEqualTo(1024);
    assertThat(unit.read(EVENT_HEAD, 8)).isZero();
    assertThat(unit.read(EVENT_TAIL, 8)).isZero();
    assertThat(unit.flushed).isEmpty();
  }

  @Test
  void aUnitThatDoesNotSnoopIsShownTheEmptyLogAndEachEntryThatIsTaken() {
    EventLog other = log(false);
    other.start();
    long ring = unit.ring(EVENT_BASE);
    assertThat(unit.flushed).hasSize(ENTRIES).startsWith(String.format("0x%x+0x10", ring));
    assertThat(unit.flushed).endsWith(String.format("0x%x+0x10", ring + 16 * (ENTRIES - 1)));
    unit.flushed.clear();
    unit.control.set(EVENT_LOG_EN);
    event(PAGE_FAULT, 0x1000);
    other.drainTo(new ArrayList<>());
    assertThat(unit.flushed).containsExactly(String.format("0x%x+0x10", ring));
  }

  @Test
  void aRegisterThatDoesNotTakeItsValueEndsTheStart() {
    for (int register : new int[] {EVENT_BASE, EVENT_HEAD, EVENT_TAIL}) {
      unit.values.put(register, 0x20L);
      unit.stuck.add(register);
      assertThatThrownBy(log::start)
          .hasMessageContaining("did not take a write")
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO));
      unit.stuck.clear();
    }
    long held = unit.memory.allocatedBytes();
    log.start();
    assertThat(unit.memory.allocatedBytes()).as("its memory is used again").isEqualTo(held);
    log.free();
    assertThat(unit.memory.allocatedBytes()).isZero();
    log.free();
  }

  @Test
  void eventsAreToldOnceAndInTheirOrderOverManyWraps() {
    started(log);
    long next = 0;
    for (int round = 0; round < 30; round++) {
      List<Long> expected = new ArrayList<>();
      for (int i = 0; i < 50 + round; i++) {
        event(PAGE_FAULT, next << 12);
        expected.add(next++ << 12);
      }
      assertThat(drained(false)).isEqualTo(expected);
      assertThat(unit.read(EVENT_HEAD, 8)).isEqualTo(unit.read(EVENT_TAIL, 8));
      assertThat(unit.memory.find64(unit.ring(EVENT_BASE), 2 * ENTRIES, -1)).isEqualTo(1024);
    }
    unit.writes.clear();
    assertThat(drained(false)).isEmpty();
    assertThat(unit.writes).as("nothing to take, nothing to say").isEmpty();
  }

  @Test
  void aLogThatOverflowedIsReadToItsEndThenStartedAgain() {
    started(log);
    event(PAGE_FAULT, 0x1000);
    unit.values.put(STATUS, EVENT_OVERFLOW);
    assertThat(drained(true)).containsExactly(0x1000L);
    assertThat(unit.writes).containsExactly("0x2010=0x10", "0x18=0x0", "0x2020=0x1", "0x18=0x4");
    assertThat(unit.read(STATUS, 8)).isEqualTo(EVENT_LOG_RUN);
    assertThat(drained(false)).isEmpty();
    event(PAGE_FAULT, 0x2000);
    assertThat(drained(false)).containsExactly(0x2000L);
  }

  @Test
  void aLogThatStoppedWithoutAWordIsStartedAgainToo() {
    started(log);
    unit.values.put(STATUS, 0L);
    assertThat(drained(true)).isEmpty();
    assertThat(unit.read(STATUS, 8)).isEqualTo(EVENT_LOG_RUN);
    assertThat(drained(false)).isEmpty();
  }

  /** What comes between the first look and the stop is told, too. */
  @Test
  void whatIsWrittenWhileTheLogStopsIsTaken() {
    FakeUnit slow =
        new FakeUnit(FakeUnit.PATIENT) {
          private int reads;

          @Override
          public long read(long offset, int widthBytes) {
            if (offset == STATUS && reads++ == 1) {
              long at = ring(EVENT_BASE) + 16;
              memory.write64(at + 8, 0x2000);
              memory.write64(at, PAGE_FAULT);
              values.put(EVENT_TAIL, 32L);
            }
            return super.read(offset, widthBytes);
          }
        };
    EventLog its = new EventLog(slow.registers, slow.memory, true, 0, slow.control);
    its.start();
    slow.memory.write64(slow.ring(EVENT_BASE) + 8, 0x1000);
    slow.memory.write64(slow.ring(EVENT_BASE), PAGE_FAULT);
    slow.values.put(EVENT_TAIL, 16L);
    slow.values.put(STATUS, EVENT_OVERFLOW);
    List<DmaFault> faults = new ArrayList<>();
    assertThat(its.drainTo(faults)).isTrue();
    assertThat(faults).extracting(DmaFault::iova).containsExactly(0x1000L, 0x2000L);
  }

  /** It still runs when the driver sees that it overflowed. */
  @Test
  void aLogThatIsAboutToStopIsWaitedForAndStartedAgain() {
    FakeUnit slow =
        new FakeUnit(FakeUnit.PATIENT) {
          @Override
          public long read(long offset, int widthBytes) {
            long value = super.read(offset, widthBytes);
            if (offset == STATUS && value == (EVENT_OVERFLOW | EVENT_LOG_RUN)) {
              values.put(STATUS, EVENT_OVERFLOW);
            }
            return value;
          }
        };
    EventLog its = new EventLog(slow.registers, slow.memory, true, 0, slow.control);
    its.start();
    slow.control.set(EVENT_LOG_EN);
    slow.values.put(STATUS, EVENT_OVERFLOW | EVENT_LOG_RUN);
    assertThat(its.drainTo(new ArrayList<>())).isTrue();
    assertThat(slow.writes).endsWith("0x18=0x0", "0x2020=0x1", "0x18=0x4");
    assertThat(its.drainTo(new ArrayList<>())).isFalse();
  }

  /** The pointer may come before the words, and their code last. */
  @Test
  void anEntryThatIsWrittenLateIsWaitedFor() {
    FakeUnit late =
        new FakeUnit(FakeUnit.PATIENT) {
          private int looks;

          @Override
          void looked(long hpa) {
            if (hpa == ring(EVENT_BASE) && ++looks == 3) {
              memory.write64(hpa + 8, 0x2000);
              memory.write64(hpa, PAGE_FAULT);
            }
          }
        };
    EventLog its = new EventLog(late.registers, late.memory, true, 0, late.control);
    its.start();
    late.control.set(EVENT_LOG_EN);
    late.values.put(EVENT_TAIL, 16L);
    List<DmaFault> faults = new ArrayList<>();
    assertThat(its.drainTo(faults)).as("none was lost").isFalse();
    assertThat(faults).extracting(DmaFault::iova).containsExactly(0x2000L);
  }

  /** Or a device could hide its faults by making so many that the log stops. */
  @Test
  void i16_aLogThatDoesNotStartAgainIsAnErrorAndWhatItHadIsToldAllTheSame() {
    started(log);
    event(PAGE_FAULT, 0x1000);
    unit.values.put(STATUS, EVENT_OVERFLOW);
    unit.stuck.add(CONTROL);
    List<DmaFault> faults = new ArrayList<>();
    assertThatThrownBy(() -> log.drainTo(faults)).hasMessageContaining("did not take a write");
    assertThat(faults).extracting(DmaFault::iova).containsExactly(0x1000L);
    unit.stuck.clear();
    assertThat(drained(true)).as("told once").isEmpty();
  }

  @Test
  void anEntryThatIsNeverWrittenIsPassedOverAndTold() {
    unit = new FakeUnit(FakeUnit.IMPATIENT);
    log = log(true);
    started(log);
    unit.values.put(EVENT_TAIL, 16L);
    event(PAGE_FAULT, 0x2000);
    assertThat(drained(true)).containsExactly(0x2000L);
    assertThat(unit.read(EVENT_HEAD, 8)).isEqualTo(32);
    assertThat(drained(false)).isEmpty();
  }

  @Test
  void aCommandsErrorIsNoFaultAndFaultsThatCameBeforeItAreToldLater() {
    started(log);
    assertThat(log.commandError()).isEqualTo("no event tells why");
    event(PAGE_FAULT, 0x1000);
    event(ILLEGAL_COMMAND, 0x10_0040);
    assertThat(log.commandError()).contains("ILLEGAL_COMMAND_ERROR", "address 0x100040");
    assertThat(drained(false)).containsExactly(0x1000L);
    assertThat(log.commandError()).as("told once").isEqualTo("no event tells why");
    unit.values.put(STATUS, -1L);
    assertThat(log.commandError()).contains("its event log cannot be read", "is gone");
  }

  @Test
  void whatIsDroppedIsCountedAndNeverTold() {
    started(log);
    event(PAGE_FAULT, 0x1000);
    event(PAGE_FAULT, 0x2000);
    unit.values.put(STATUS, EVENT_OVERFLOW);
    assertThat(log.drop()).isEqualTo(2);
    assertThat(drained(false)).isEmpty();
    assertThat(log.drop()).isZero();
  }

  @Test
  void aLogThatIsStartedAnewKnowsNothingOfBefore() {
    started(log);
    event(PAGE_FAULT, 0x1000);
    log.commandError();
    event(PAGE_FAULT, 0x2000);
    started(log);
    assertThat(drained(false)).isEmpty();
    event(PAGE_FAULT, 0x3000);
    log.commandError();
    log.free();
    unit.values.put(STATUS, -1L);
    assertThat(drained(false)).as("given back: the unit is not asked").isEmpty();
  }
}
