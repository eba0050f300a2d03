package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_BASE;
import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_EN;
import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_HEAD;
import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_TAIL;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_BASE;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_LOG_EN;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_LOG_RUN;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_TAIL;
import static dev.vmm.iommu.amd.unit.FakeUnit.IMPATIENT;
import static dev.vmm.iommu.amd.unit.FakeUnit.PATIENT;
import static dev.vmm.iommu.amd.unit.FakeUnit.STATUS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The ring of commands by literal words of 48882 rev 3, "COMPLETION_WAIT" (opcode 1 in 63:60, s 0,
 * f 2, the store's address in 51:3, its data in the second word).
 */
class CommandBufferTest {
  private static final int ENTRIES = 512;
  private static final long WAIT = 1L << 60;
  private static final long STORE = 1;
  private static final long FLUSH_QUEUE = 1 << 2;

  private WorkingUnit unit = new WorkingUnit(PATIENT);
  private CommandBuffer commands = commands(true);

  private void impatient() {
    unit = new WorkingUnit(IMPATIENT);
    commands = commands(true);
    unit.atMost = 0;
  }

  private CommandBuffer commands(boolean coherent) {
    EventLog events = new EventLog(unit.registers, unit.memory, true, 0, unit.control);
    events.start();
    CommandBuffer made = new CommandBuffer(unit.registers, unit.memory, coherent, events);
    made.start();
    unit.control.set(COMMAND_EN | EVENT_LOG_EN);
    unit.writes.clear();
    return made;
  }

  private static void fails(Errno errno, Runnable step, String... words) {
    assertThatThrownBy(step::run)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  @Test
  void theUnitIsGivenARingOf512CommandsAndNothingInIt() {
    assertThat(unit.read(COMMAND_BASE, 8)).isEqualTo(unit.ring(COMMAND_BASE) | 9L << 56);
    unit.atMost = 0;
    unit.values.put(COMMAND_HEAD, 0x20L);
    unit.values.put(COMMAND_TAIL, 0x30L);
    long held = unit.memory.allocatedBytes();
    commands.start();
    assertThat(unit.values).containsEntry(COMMAND_HEAD, 0L).containsEntry(COMMAND_TAIL, 0L);
    assertThat(unit.memory.allocatedBytes()).as("its memory is used again").isEqualTo(held);
    commands.free();
    assertThat(unit.memory.allocatedBytes()).as("of the event log").isEqualTo(16 * ENTRIES);
    commands.free();
  }

  @Test
  void aRegisterThatDoesNotTakeItsValueEndsTheStart() {
    for (int register : new int[] {COMMAND_BASE, COMMAND_HEAD, COMMAND_TAIL}) {
      unit.atMost = 0;
      unit.values.put(register, 0x20L);
      unit.stuck.add(register);
      fails(Errno.EIO, commands::start, "did not take a write");
      unit.stuck.clear();
    }
  }

  @Test
  void aSyncReturnsWhenItsOwnWordIsThere() {
    commands.put(0x3000_0000_0000_0000L, 0x77);
    commands.barrier();
    assertThat(unit.writes).as("not told yet").isEmpty();
    commands.sync();
    assertThat(unit.writes).containsExactly("0x2008=0x30");
    assertThat(unit.done.subList(0, 2)).containsExactly(0x3000_0000_0000_0000L, WAIT | FLUSH_QUEUE);
    long store = unit.done.get(2);
    assertThat(store & ~0xf_ffff_ffff_fff8L).isEqualTo(WAIT | STORE);
    assertThat(store & 0xf_ffff_ffff_fff8L).as("in memory of its own").isGreaterThan(0x10_0000L);
    assertThat(unit.flushed).as("by a unit that snoops").isEmpty();
    assertThat(unit.memory.read64(unit.ring(COMMAND_BASE) + 8)).isEqualTo(0x77);
    long first = unit.memory.read64(store & 0xf_ffff_ffff_fff8L);
    commands.sync();
    assertThat(unit.memory.read64(store & 0xf_ffff_ffff_fff8L)).isEqualTo(first + 1);
  }

  @Test
  void aUnitThatDoesNotSnoopIsShownEachCommand() {
    CommandBuffer other = commands(false);
    unit.flushed.clear();
    other.put(0x3000_0000_0000_0000L, 0);
    other.sync();
    long ring = unit.ring(COMMAND_BASE);
    assertThat(unit.flushed)
        .containsExactly(String.format("0x%x+0x10", ring), String.format("0x%x+0x10", ring + 16));
  }

  @Test
  void everyCommandIsCarriedOutOnceAndInOrderHoweverManyThereAre() {
    unit.atMost = 7;
    List<Long> given = new ArrayList<>();
    for (long i = 0; i < 3 * ENTRIES + 5; i++) {
      given.add(3L << 60 | i);
      commands.put(3L << 60 | i, 0);
    }
    assertThat(unit.writes).as("not told of each").hasSizeLessThan(300);
    unit.atMost = Integer.MAX_VALUE;
    commands.sync();
    assertThat(unit.done).startsWith(given.toArray(Long[]::new)).hasSize(given.size() + 1);
  }

  @Test
  void aUnitThatTakesNothingIsGivenUpWithTheRingFull() {
    impatient();
    for (int i = 0; i < ENTRIES - 1; i++) {
      commands.put(3L << 60 | i, 0);
    }
    assertThat(unit.writes).as("one place stays free").isEmpty();
    fails(Errno.ETIMEDOUT, () -> commands.put(0, 0), "takes nothing", "tail at 0x1ff0");
    assertThat(unit.memory.read64(unit.ring(COMMAND_BASE)))
        .as("not overwritten")
        .isEqualTo(3L << 60);
  }

  @Test
  void aUnitThatDoesNotAnswerIsGivenUp() {
    impatient();
    commands.put(3L << 60, 0);
    fails(
        Errno.ETIMEDOUT,
        commands::sync,
        "did not finish the commands up to CMD_BUF_TAIL 0x20",
        "CMD_BUF_HEAD reads 0x0",
        "hw.vmm.x.timeout_ms");
  }

  @Test
  void aUnitThatStoppedIsGivenUpWithTheReason() {
    unit.atMost = 0;
    unit.values.put(STATUS, EVENT_LOG_RUN);
    long log = unit.ring(EVENT_BASE);
    unit.memory.write64(log + 8, 0x10_0040);
    unit.memory.write64(log, 5L << 60);
    unit.values.put(EVENT_TAIL, 16L);
    fails(
        Errno.EIO,
        commands::sync,
        "stopped at the command at buffer offset 0x0",
        "ILLEGAL_COMMAND_ERROR",
        "expected CmdBufRun");
    for (int i = 0; i < ENTRIES - 2; i++) {
      commands.put(3L << 60 | i, 0);
    }
    fails(Errno.EIO, () -> commands.put(0, 0), "stopped at the command");
  }

  @Test
  void aUnitThatMakesRoomOnlyAfterAWhileIsWaitedFor() {
    int[] looks = new int[1];
    unit =
        new WorkingUnit(PATIENT) {
          @Override
          public long read(long offset, int widthBytes) {
            if (offset == COMMAND_HEAD && ++looks[0] == 3) {
              atMost = Integer.MAX_VALUE;
            }
            return super.read(offset, widthBytes);
          }
        };
    commands = commands(true);
    unit.atMost = 0;
    looks[0] = 0;
    for (int i = 0; i < ENTRIES; i++) {
      commands.put(3L << 60 | i, 0);
    }
    assertThat(looks[0]).isEqualTo(3);
    assertThat(unit.done).hasSize(ENTRIES - 1);
  }

  @Test
  void aWordThatTheUnitWritesOnlyAfterAWhileIsWaitedFor() {
    int[] looks = new int[1];
    unit =
        new WorkingUnit(PATIENT) {
          @Override
          void looked(long hpa) {
            if (++looks[0] == 3) {
              atMost = Integer.MAX_VALUE;
              work();
            }
          }
        };
    commands = commands(true);
    unit.atMost = 0;
    commands.put(3L << 60, 0);
    commands.sync();
    assertThat(looks[0]).isEqualTo(3);
    assertThat(unit.done).hasSize(2);
  }

  @Test
  void aUnitThatStoppedIsNotWaitedFor() {
    unit.atMost = 0;
    commands.put(3L << 60, 0);
    unit.values.put(STATUS, EVENT_LOG_RUN);
    fails(Errno.EIO, commands::sync, "stopped at the command");
    unit.reads = 0;
    commands.awaitEmpty();
    assertThat(unit.reads).as("the head once, and the status").isLessThan(5);
  }

  @Test
  void beforeItIsTurnedOffAUnitFinishesWhatItWasTold() {
    unit.atMost = 0;
    commands.put(3L << 60, 0);
    commands.put(3L << 60, 1);
    long running = unit.read(STATUS, 8);
    unit.values.put(STATUS, EVENT_LOG_RUN);
    fails(Errno.EIO, commands::sync, "stopped at the command");
    unit.values.put(STATUS, running);
    unit.atMost = 1;
    commands.awaitEmpty();
    assertThat(unit.done).hasSize(3);
    unit.done.clear();
    commands.put(3L << 60, 2);
    commands.awaitEmpty();
    assertThat(unit.done).as("what it was not told of, it does not do").isEmpty();
  }

  @Test
  void aUnitThatHangsOrStoppedIsTurnedOffAllTheSame() {
    impatient();
    commands.put(3L << 60, 0);
    fails(Errno.ETIMEDOUT, commands::sync, "did not finish");
    commands.awaitEmpty();
    unit.values.put(STATUS, EVENT_LOG_RUN);
    commands.awaitEmpty();
    assertThat(unit.done).isEmpty();
  }

  @Test
  void withoutARingThereIsNothingToFinish() {
    unit.atMost = 0;
    commands.put(3L << 60, 0);
    commands.free();
    unit.values.put(COMMAND_HEAD, -1L);
    commands.awaitEmpty();
    CommandBuffer synced = commands(true);
    unit.atMost = Integer.MAX_VALUE;
    synced.sync();
    unit.values.put(COMMAND_HEAD, -1L);
    synced.awaitEmpty();
  }
}
