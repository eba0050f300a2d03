package dev.vmm.iommu.amd.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.amd.regs.CmdBufBaseReg;
import dev.vmm.iommu.amd.regs.CmdBufHeadReg;
import dev.vmm.iommu.amd.regs.CmdBufTailReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.amd.structs.CompletionWait;
import dev.vmm.iommu.support.Deadline;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.VarHandle;
import java.util.Locale;

/**
 * The ring of 128-bit commands, and the word that the unit writes when it has come to the end of
 * what it was given.
 *
 * <p>A unit may begin a command before the ones ahead of it are done, unless a COMPLETION_WAIT with
 * its F bit stands between ({@link #barrier}); nothing is known to be done before {@link #sync}
 * returns.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "Commands", "COMPLETION_WAIT"
 * and "Command Buffer Base Address Register".
 */
final class CommandBuffer {
  /** ComLen 1001b. */
  static final int ENTRIES = 512;

  private static final int ENTRY_BYTES = 16;
  private static final long BYTES = (long) ENTRIES * ENTRY_BYTES;

  private final UnitRegisters registers;
  private final PhysicalMemory memory;
  private final boolean coherent;
  private final EventLog events;

  private long ring;
  private long semaphore;
  private int head;
  private int tail;

  /** The first command that the unit was not told of. */
  private int written;

  /** Counts waits, so that a completion that comes late is not taken for a later one's. */
  private long sequence;

  CommandBuffer(UnitRegisters registers, PhysicalMemory memory, boolean coherent, EventLog events) {
    this.registers = registers;
    this.memory = memory;
    this.coherent = coherent;
    this.events = events;
  }

  /**
   * Takes memory and gives it to the unit, whose command buffer is off.
   *
   * @throws VmmException ENOMEM or EIO
   */
  void start() {
    if (ring == 0) {
      ring = memory.allocate(BYTES, PhysicalMemory.PAGE_BYTES);
    }
    if (semaphore == 0) {
      semaphore = memory.allocatePage();
    }
    head = 0;
    tail = 0;
    written = 0;
    long base = CmdBufBaseReg.of(ring, ENTRIES);
    registers.write(CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET, base);
    registers.requireHolds(CmdBufBaseReg.LAYOUT, CmdBufBaseReg.OFFSET, -1L, base);
    zero(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET);
    zero(CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET);
  }

  private void zero(dev.vmm.bits.Layout layout, long offset) {
    registers.write(layout, offset, 0);
    registers.requireHolds(layout, offset, -1L, 0);
  }

  /** Frees the memory: the unit's command buffer is off. */
  void free() {
    if (ring != 0) {
      memory.free(ring, BYTES);
      ring = 0;
    }
    if (semaphore != 0) {
      memory.free(semaphore, PhysicalMemory.PAGE_BYTES);
      semaphore = 0;
    }
  }

  /**
   * Lets a unit finish what it was given before it is turned off. After a sync that succeeded it
   * has; one that hangs or has stopped is turned off all the same.
   */
  void awaitEmpty() {
    if (ring == 0 || head == tail) {
      return;
    }
    Deadline deadline = registers.deadline();
    while (headOf(registers.readAlive(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET)) != written) {
      if (!running() || !deadline.pause()) {
        return;
      }
    }
  }

  /** Appends a command; if the ring is full, lets the unit work first. */
  void put(long low, long high) {
    if (next(tail) == head) {
      awaitRoom();
    }
    long at = ring + (long) tail * ENTRY_BYTES;
    memory.write64(at, low);
    memory.write64(at + 8, high);
    if (!coherent) {
      memory.flushCache(at, ENTRY_BYTES);
    }
    tail = next(tail);
  }

  /** Appends a command that holds those after it back until those before it are done. */
  void barrier() {
    put(CompletionWait.barrier(), 0);
  }

  /**
   * Returns when every command before was carried out.
   *
   * @throws VmmException EIO if the unit stopped at one; ETIMEDOUT
   */
  void sync() {
    sequence++;
    put(CompletionWait.store(semaphore), sequence);
    submit();
    Deadline deadline = registers.deadline();
    // The unit writes it: read anew each time, and before what the caller does with freed memory.
    while (memory.readAcquire64(semaphore) != sequence) {
      checkRunning();
      if (!deadline.pause()) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                Locale.ROOT,
                "%s did not finish the commands up to %s 0x%x: the word at 0x%x reads 0x%x and %s reads 0x%x after %d ms,"
                    + " expected the word 0x%x of the last COMPLETION_WAIT; the unit hangs: raise %s or restart the"
                    + " machine",
                registers.where(),
                CmdBufTailReg.LAYOUT.name(),
                tail * ENTRY_BYTES,
                semaphore,
                memory.read64(semaphore),
                CmdBufHeadReg.LAYOUT.name(),
                registers.read(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET),
                deadline.waitedMillis(),
                sequence,
                registers.timeoutTunable()));
      }
    }
    // All before the wait is done, so the ring is empty.
    head = tail;
  }

  private void awaitRoom() {
    submit();
    Deadline deadline = registers.deadline();
    while (true) {
      long raw = registers.readAlive(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET);
      head = headOf(raw);
      if (next(tail) != head) {
        return;
      }
      checkRunning();
      if (!deadline.pause()) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                Locale.ROOT,
                "%s takes nothing from its full command buffer: %s still reads 0x%x with the tail at 0x%x after %d ms,"
                    + " expected the head to move; the unit hangs: raise %s or restart the machine",
                registers.where(),
                CmdBufHeadReg.LAYOUT.name(),
                raw,
                tail * ENTRY_BYTES,
                deadline.waitedMillis(),
                registers.timeoutTunable()));
      }
    }
  }

  private void submit() {
    // The register write comes after the commands' stores for the unit: it is uncached.
    VarHandle.fullFence();
    registers.write(CmdBufTailReg.LAYOUT, CmdBufTailReg.OFFSET, (long) tail * ENTRY_BYTES);
    written = tail;
  }

  private boolean running() {
    return StatusReg.CMD_BUF_RUN.isSet(registers.readAlive(StatusReg.LAYOUT, StatusReg.OFFSET));
  }

  /** A unit stops at a command that it cannot read, does not know, or cannot carry out. */
  private void checkRunning() {
    long status = registers.readAlive(StatusReg.LAYOUT, StatusReg.OFFSET);
    if (StatusReg.CMD_BUF_RUN.isSet(status)) {
      return;
    }
    throw new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "%s stopped at the command at buffer offset 0x%x: %s; %s, expected CmdBufRun; restart the I/O MMU, and report"
                + " this with the machine's name",
            registers.where(),
            registers.read(CmdBufHeadReg.LAYOUT, CmdBufHeadReg.OFFSET),
            new StatusReg(status),
            events.commandError()));
  }

  private static int headOf(long raw) {
    return (int) (raw / ENTRY_BYTES) & (ENTRIES - 1);
  }

  private static int next(int index) {
    return (index + 1) & (ENTRIES - 1);
  }
}
