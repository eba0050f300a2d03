package dev.vmm.iommu.amd.unit;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.EventLogBaseReg;
import dev.vmm.iommu.amd.regs.EventLogHeadReg;
import dev.vmm.iommu.amd.regs.EventLogTailReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.amd.structs.Event;
import dev.vmm.iommu.amd.structs.EventLow;
import dev.vmm.iommu.support.Deadline;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The ring in which the unit tells what it refused and where it failed.
 *
 * <p>Entries are zeroed once read, so that one whose pointer moved before its words came is known
 * by its code 0, and none is read twice after a wrap. A log that is full stops; {@link #drainTo}
 * starts it again.
 *
 * <p>Not thread-safe: the unit's lock is held. Source: 48882 rev 3, "Event Logging" and its restart
 * procedure.
 */
final class EventLog {
  /** EventLen 1001b. */
  static final int ENTRIES = 512;

  private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);
  private static final String NO_EVENT = "no event tells why";
  private static final int ENTRY_BYTES = 16;
  private static final long BYTES = (long) ENTRIES * ENTRY_BYTES;

  private final UnitRegisters registers;
  private final PhysicalMemory memory;
  private final boolean coherent;
  private final int segment;
  private final ControlRegister control;

  /** Faults that were read while a command's error was looked for, oldest first. */
  private final Deque<DmaFault> read = new ArrayDeque<>();

  private long ring;
  private int head;
  private boolean lost;
  private String commandError = NO_EVENT;

  EventLog(
      UnitRegisters registers,
      PhysicalMemory memory,
      boolean coherent,
      int segment,
      ControlRegister control) {
    this.registers = registers;
    this.memory = memory;
    this.coherent = coherent;
    this.segment = segment;
    this.control = control;
  }

  /**
   * Takes memory and gives it to the unit, whose event log is off.
   *
   * @throws dev.vmm.VmmException ENOMEM or EIO
   */
  void start() {
    if (ring == 0) {
      ring = memory.allocate(BYTES, PhysicalMemory.PAGE_BYTES);
    }
    for (int i = 0; i < ENTRIES; i++) {
      clear(i);
    }
    head = 0;
    lost = false;
    read.clear();
    long base = EventLogBaseReg.of(ring, ENTRIES);
    registers.write(EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET, base);
    registers.requireHolds(EventLogBaseReg.LAYOUT, EventLogBaseReg.OFFSET, -1L, base);
    zero(EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET);
    zero(EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET);
  }

  private void zero(Layout layout, long offset) {
    registers.write(layout, offset, 0);
    registers.requireHolds(layout, offset, -1L, 0);
  }

  /** Frees the memory: the unit's event log is off. */
  void free() {
    if (ring != 0) {
      memory.free(ring, BYTES);
      ring = 0;
    }
    read.clear();
  }

  /**
   * Appends the recorded faults, oldest first, and takes them from the log. A log that has stopped
   * is started again.
   *
   * @return whether the unit says that it lost some
   * @throws dev.vmm.VmmException EIO if the unit is gone or its log does not start again; none was
   *     taken then that will not be told the next time
   */
  boolean drainTo(List<DmaFault> faults) {
    if (ring != 0) {
      take();
    }
    faults.addAll(read);
    read.clear();
    boolean overflowed = lost;
    lost = false;
    return overflowed;
  }

  /** Forgets what was recorded; returns how much it was. */
  int drop() {
    take();
    int count = read.size();
    read.clear();
    lost = false;
    return count;
  }

  /** Returns what the log says of the command at which the unit stopped. */
  String commandError() {
    commandError = NO_EVENT;
    try {
      take();
    } catch (RuntimeException e) {
      return "its event log cannot be read: " + e.getMessage();
    }
    return commandError;
  }

  private void take() {
    StatusReg status = new StatusReg(registers.readAlive(StatusReg.LAYOUT, StatusReg.OFFSET));
    takeEntries();
    if (status.eventOverflow() || !status.eventLogRun()) {
      lost = true;
      restart();
    }
  }

  private void takeEntries() {
    int tail = index(registers.readAlive(EventLogTailReg.LAYOUT, EventLogTailReg.OFFSET));
    if (tail == head) {
      return;
    }
    for (; head != tail; head = (head + 1) & (ENTRIES - 1)) {
      take(head);
      clear(head);
    }
    registers.write(EventLogHeadReg.LAYOUT, EventLogHeadReg.OFFSET, (long) head * ENTRY_BYTES);
  }

  private void take(int index) {
    long at = at(index);
    long low = memory.readAcquire64(at);
    Deadline deadline = registers.deadline();
    while (new EventLow(low).eventCode() == 0) {
      if (!deadline.pause()) {
        LOG.warn(
            "{}: event log entry at 0x{} was never written",
            registers.where(),
            Long.toHexString(at));
        lost = true;
        return;
      }
      low = memory.readAcquire64(at);
    }
    Event event = Event.of(low, memory.read64(at + 8));
    if (event.fault()) {
      read.add(event.toFault(registers.unit(), segment));
    } else {
      commandError = event.toString();
      LOG.warn("{}: {}", registers.where(), event);
    }
  }

  private void clear(int index) {
    memory.write64(at(index) + 8, 0);
    memory.write64(at(index), 0);
    if (!coherent) {
      memory.flushCache(at(index), ENTRY_BYTES);
    }
  }

  /** The book's procedure: stopped, read to its end, off, its overflow cleared, on. */
  private void restart() {
    registers.await(
        StatusReg.LAYOUT,
        StatusReg.OFFSET,
        StatusReg.EVENT_LOG_RUN.mask(),
        0,
        "to stop its full event log");
    takeEntries();
    control.turnOff(ControlReg.EVENT_LOG_EN);
    registers.write(StatusReg.LAYOUT, StatusReg.OFFSET, StatusReg.EVENT_OVERFLOW.mask());
    control.turnOn(ControlReg.EVENT_LOG_EN);
    registers.await(
        StatusReg.LAYOUT,
        StatusReg.OFFSET,
        StatusReg.EVENT_LOG_RUN.mask(),
        StatusReg.EVENT_LOG_RUN.mask(),
        "to start its event log again");
    LOG.warn("{}: its event log was full; some events are lost", registers.where());
  }

  private long at(int index) {
    return ring + (long) index * ENTRY_BYTES;
  }

  private static int index(long raw) {
    return (int) (raw / ENTRY_BYTES) & (ENTRIES - 1);
  }
}
