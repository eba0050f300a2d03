package dev.vmm.iommu.intel.unit;

import static dev.vmm.iommu.intel.fake.FakeVtdUnit.CAP;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.ECAP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.intel.fake.UnitMemory;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.support.UnitRegisters;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * The queue by the literal offsets of VT-d r4.1: IQH_REG 80h, IQT_REG 88h, IQA_REG 90h, FSTS_REG
 * 34h (IQE 4, ICE 5, ITE 6), GCMD_REG 18h (QIE 26). CAP has both drains.
 */
class QueuedInvalidationTest {
  private static final long PAGE = 0x1000;
  private static final String TURN_ON = "18=4000000";
  private static final String TURN_OFF = "18=0";

  private final UnitMemory memory = new UnitMemory(4L << 20, true);
  private final FakeVtdUnit unit = new FakeVtdUnit(Bench.BASE, memory, CAP, ECAP);

  private QueuedInvalidation queue(long timeoutMillis) {
    UnitRegisters registers =
        new UnitRegisters(
            "vtd0",
            unit,
            TimeUnit.MILLISECONDS.toNanos(timeoutMillis),
            "hw.vmm.x.timeout_ms",
            (name, layout, offset, value) -> {});
    return new QueuedInvalidation(registers, new GlobalCommand(registers), memory, new CapReg(CAP));
  }

  private QueuedInvalidation patient() {
    return queue(60_000);
  }

  private static void fails(Errno errno, Runnable step, String... words) {
    assertThatThrownBy(step::run)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  private long descriptor(int index) {
    return memory.read64(unit.peek(0x90) + 16L * index);
  }

  @Test
  void aQueueIsEmptyAndWithoutErrorsWhenItIsTurnedOn() {
    unit.preset(0x88, 0x40);
    unit.preset(0x34, 0x70);
    QueuedInvalidation queue = patient();
    queue.start();
    assertThat(unit.writes)
        .containsExactly("34=70", "88=0", String.format("90=%x", unit.peek(0x90)), TURN_ON);
    assertThat(unit.peek(0x34)).isZero();
    assertThat(memory.allocatedBytes()).as("with the word to wait for").isEqualTo(2 * PAGE);
    assertThat(queue.name()).isEqualTo("queued invalidation");
  }

  @Test
  void aRegisterThatDoesNotTakeItsValueEndsTheStart() {
    for (long register : new long[] {0x88, 0x90}) {
      unit.preset(register, 0x40_0040);
      unit.lostWrite = register;
      QueuedInvalidation queue = patient();
      fails(Errno.EIO, queue::start, "vtd0", "did not take a write");
      unit.lostWrite = -1;
      queue.stop();
      assertThat(memory.allocatedBytes()).isZero();
    }
  }

  @Test
  void eachRequestIsTheBooksDescriptorAndIsToldWithTheWaitThatEndsIt() {
    QueuedInvalidation queue = patient();
    queue.start();
    unit.writes.clear();
    queue.contextGlobal();
    queue.contextDevice(3, 0x310);
    queue.sync();
    queue.iotlbGlobal();
    queue.iotlbDomain(3);
    queue.iotlbPages(3, 0x20_0000, 2, true);
    queue.interruptGlobal();
    queue.interruptEntries(8, 3);
    assertThat(unit.writes).as("not told yet").containsExactly("88=30");
    queue.sync();
    assertThat(unit.writes).containsExactly("88=30", "88=90");
    List<Long> words = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      words.add(descriptor(i));
    }
    assertThat(words)
        .containsExactly(
            0x11L,
            0x0000_0310_0003_0031L,
            0x0000_0001_0000_0065L,
            0xd2L,
            0x0003_00e2L,
            0x0003_00f2L,
            0x4L,
            0x0000_0008_1800_0014L,
            0x0000_0002_0000_0065L);
    assertThat(memory.read64(unit.peek(0x90) + 5 * 16 + 8)).isEqualTo(0x20_0042L);
    assertThat(unit.invalidations)
        .containsExactly(
            "context global",
            "context device 3 784",
            "iotlb global",
            "iotlb domain 3",
            "iotlb pages 3 0x200000 2 hint",
            "interrupts global",
            "interrupts 0x8 3");
    assertThat(unit.violations).isEmpty();
  }

  @Test
  void aQueueThatWasNeverOnIsLeftAlone() {
    patient().stop();
    assertThat(unit.writes).isEmpty();
  }

  @Test
  void aQueueGoesBackWhole() {
    QueuedInvalidation queue = patient();
    queue.start();
    queue.iotlbGlobal();
    queue.sync();
    unit.writes.clear();
    List<Long> read = new ArrayList<>();
    unit.onRead = read::add;
    queue.stop();
    assertThat(read).as("known to be empty").doesNotContain(0x80L, 0x88L);
    assertThat(unit.writes).as("no error to clear").containsExactly(TURN_OFF);
    assertThat(memory.allocatedBytes()).isZero();
    queue.stop();
    assertThat(unit.writes).containsExactly(TURN_OFF);
    queue.start();
    queue.iotlbGlobal();
    queue.sync();
    assertThat(unit.invalidations).hasSize(2);
  }

  /** The queue must not be turned off with something in it. */
  @Test
  void aUnitFinishesWhatItWasGivenBeforeItsQueueIsTurnedOff() {
    QueuedInvalidation queue = queue(5);
    queue.start();
    unit.hangInvalidations = true;
    queue.iotlbGlobal();
    fails(Errno.ETIMEDOUT, queue::sync, "did not finish", "IQT_REG 0x20", "IQH_REG reads 0x0");
    unit.hangInvalidations = false;
    unit.lag = 9; // more looks than one round of them has
    List<Long> heads = new ArrayList<>();
    unit.onCommand = command -> heads.add(unit.peek(0x80));
    queue.stop();
    assertThat(heads).as("with everything done").containsExactly(0x20L);
    assertThat(unit.invalidations).containsExactly("iotlb global");
  }

  @Test
  void aQueueThatHangsIsTurnedOffAllTheSame() {
    QueuedInvalidation queue = queue(5);
    queue.start();
    unit.hangInvalidations = true;
    queue.iotlbGlobal();
    fails(Errno.ETIMEDOUT, queue::sync, "did not finish");
    unit.writes.clear();
    queue.stop();
    assertThat(unit.writes).containsExactly(TURN_OFF);
    assertThat(memory.allocatedBytes()).isZero();
  }

  /** It would stop there again: nobody waits for it, and the next owner finds no error. */
  @Test
  void aQueueThatStoppedAtADescriptorIsTurnedOffAtOnceAndItsErrorDropped() {
    QueuedInvalidation queue = patient();
    queue.start();
    unit.queueError = 4;
    queue.iotlbGlobal();
    fails(Errno.EIO, queue::sync, "queue offset 0x0", "IQE");
    unit.writes.clear();
    queue.stop();
    assertThat(unit.writes).containsExactly(TURN_OFF, "34=10");
    assertThat(unit.peek(0x34) & 0x70).isZero();
  }

  /** The lowest of the three errors is not the only one. */
  @Test
  void eachErrorOfTheQueueEndsAWait() {
    for (int error : new int[] {0x10, 0x20, 0x40}) {
      QueuedInvalidation queue = patient();
      queue.start();
      unit.hangInvalidations = true;
      unit.preset(0x34, error);
      queue.iotlbGlobal();
      fails(Errno.EIO, queue::sync, "stopped at the invalidation descriptor");
      assertThat(unit.peek(0x34)).as("cleared").isZero();
      unit.hangInvalidations = false;
      queue.stop();
    }
  }

  @Test
  void moreRequestsThanThereIsRoomForAreAllCarriedOutInOrder() {
    QueuedInvalidation queue = patient();
    queue.start();
    for (int domain = 1; domain <= 1000; domain++) {
      queue.iotlbDomain(domain);
    }
    queue.sync();
    assertThat(unit.invalidations).hasSize(1000).startsWith("iotlb domain 1");
    assertThat(unit.invalidations).doesNotHaveDuplicates().endsWith("iotlb domain 1000");
    assertThat(unit.writes).as("not told of each").hasSizeLessThan(20);
  }
}
