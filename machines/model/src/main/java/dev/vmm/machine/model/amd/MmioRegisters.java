package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.dma.UnitSite;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The registers as software sees them: which there are, which bits each has, and what writing them
 * sets going. Source: 48882 rev 3, "IOMMU MMIO Registers". Guarded by the unit.
 */
final class MmioRegisters {
  private static final Logger LOG = LoggerFactory.getLogger(MmioRegisters.class);

  private final UnitSite site;
  private final AmdViConfig config;
  private final Registers registers;
  private final CommandBuffer commands;
  private final EventLog events;
  private final Misuse misuse;
  private final Interrupts interrupts;

  private boolean completionWaitInt;

  MmioRegisters(
      UnitSite site,
      AmdViConfig config,
      Registers registers,
      CommandBuffer commands,
      EventLog events,
      Misuse misuse,
      Interrupts interrupts) {
    this.site = site;
    this.config = config;
    this.registers = registers;
    this.commands = commands;
    this.events = events;
    this.misuse = misuse;
    this.interrupts = interrupts;
  }

  long read(long offset, int widthBytes) {
    if (!accessible(offset, widthBytes)) {
      return 0;
    }
    int register = (int) offset & ~7;
    if (register >= Registers.COMMAND_HEAD && register <= Registers.STATUS) {
      poll();
    }
    long value = value(register);
    return widthBytes == 8 ? value : (value >>> (8 * (offset & 4))) & 0xffff_ffffL;
  }

  void write(long offset, int widthBytes, long value) {
    if (accessible(offset, widthBytes)) {
      long mask = widthBytes == 8 ? -1L : 0xffff_ffffL << (8 * (offset & 4));
      write((int) offset & ~7, mask, (value << (8 * (offset & 4))) & mask);
    }
  }

  /** Software looks: time passes. */
  void poll() {
    commands.poll();
    if (events.poll()) {
      eventInterrupt();
    }
  }

  void event(Event event) {
    if (event.hardwareError() && config.hardwareEvents()) {
      registers.hardwareEvent(event);
    }
    if (events.record(event)) {
      eventInterrupt();
    }
  }

  /** A COMPLETION_WAIT with I is done. */
  void completionWaited() {
    boolean first = !completionWaitInt;
    completionWaitInt = true;
    if (first && (registers.control & Registers.COM_WAIT_INT_EN) != 0) {
      interrupts.raise();
    }
  }

  void reset() {
    if (registers.enabled()) {
      misuse.unwatch(registers.deviceTable());
    }
    misuse.unwatch(commands.ring.range());
    commands.reset();
    events.reset();
    registers.reset();
    completionWaitInt = false;
  }

  private void eventInterrupt() {
    if ((registers.control & Registers.EVENT_INT_EN) != 0) {
      interrupts.raise();
    }
  }

  private boolean accessible(long offset, int widthBytes) {
    boolean fits =
        (widthBytes == 4 || widthBytes == 8)
            && (offset & (widthBytes - 1)) == 0
            && offset >= 0
            && offset + widthBytes <= AmdViUnit.REGISTER_BYTES;
    if (!fits) {
      misuse.record(AmdViRule.REGISTER_ACCESS, "%d bytes at 0x%x", widthBytes, offset);
    }
    return fits;
  }

  private long value(int register) {
    boolean hardwareEvents = config.hardwareEvents();
    return switch (register) {
      case Registers.DEVICE_TABLE_BASE -> registers.deviceTableBase;
      case Registers.COMMAND_BUFFER_BASE -> commands.ring.register;
      case Registers.EVENT_LOG_BASE -> events.ring.register;
      case Registers.CONTROL -> registers.control;
      case Registers.EXCLUSION_BASE -> registers.exclusionBase;
      case Registers.EXCLUSION_LIMIT -> registers.exclusionLimit;
      case Registers.EXTENDED_FEATURE -> config.extendedFeatures();
      case Registers.HARDWARE_EVENT_UPPER -> hardwareEvents ? registers.hardwareEventUpper : 0;
      case Registers.HARDWARE_EVENT_LOWER -> hardwareEvents ? registers.hardwareEventLower : 0;
      case Registers.HARDWARE_EVENT_STATUS -> hardwareEvents ? registers.hardwareEventStatus : 0;
      case Registers.COMMAND_HEAD -> commands.ring.head;
      case Registers.COMMAND_TAIL -> commands.ring.tail;
      case Registers.EVENT_HEAD -> events.ring.head;
      case Registers.EVENT_TAIL -> events.ring.tail;
      case Registers.STATUS -> status();
      default -> {
        int filter = registers.smiFilter(register);
        yield filter < 0 ? 0 : registers.smiFilters[filter];
      }
    };
  }

  private long status() {
    return (events.overflow ? Registers.EVENT_OVERFLOW : 0)
        | (events.written ? Registers.EVENT_LOG_INT : 0)
        | (completionWaitInt ? Registers.COM_WAIT_INT : 0)
        | (events.ring.run.running() ? Registers.EVENT_LOG_RUN : 0)
        | (commands.ring.run.running() ? Registers.CMD_BUF_RUN : 0);
  }

  /** Writes the bits of a register that {@code mask} names. */
  private void write(int register, long mask, long value) {
    long merged = (value(register) & ~mask) | value;
    switch (register) {
      case Registers.DEVICE_TABLE_BASE ->
          deviceTable(permitted(register, merged, Registers.DEVICE_TABLE_MASK));
      case Registers.COMMAND_BUFFER_BASE -> {
        misuse.unwatch(commands.ring.range());
        base(register, commands.ring, merged, AmdViRule.COMMAND_BUFFER_MOVED);
        if (wanted(Registers.CMD_BUF_EN)) {
          misuse.watch(commands.ring.range());
        }
        commands.restarted();
      }
      case Registers.EVENT_LOG_BASE ->
          base(register, events.ring, merged, AmdViRule.EVENT_LOG_MOVED);
      case Registers.CONTROL -> control(permitted(register, merged, controlMask()));
      case Registers.EXCLUSION_BASE ->
          registers.exclusionBase = permitted(register, merged, Registers.EXCLUSION_BASE_MASK);
      case Registers.EXCLUSION_LIMIT ->
          // The lowest 12 bits count as ones, whatever is written.
          registers.exclusionLimit =
              permitted(register, merged, Registers.EXCLUSION_LIMIT_MASK) & Dte.ADDRESS;
      case Registers.EXTENDED_FEATURE ->
          misuse.record(AmdViRule.REGISTER_READ_ONLY, "0x%x to register 0x%x", value, register);
      case Registers.HARDWARE_EVENT_UPPER ->
          registers.hardwareEventUpper = permitted(register, merged, hardwareEventMask(-1));
      case Registers.HARDWARE_EVENT_LOWER ->
          registers.hardwareEventLower = permitted(register, merged, hardwareEventMask(-1));
      case Registers.HARDWARE_EVENT_STATUS ->
          registers.hardwareEventStatus &=
              ~permitted(register, value, hardwareEventMask(Registers.HARDWARE_EVENT_STATUS_MASK));
      case Registers.COMMAND_HEAD -> {
        long head = permitted(register, merged, Ring.POINTER_MASK);
        if (commands.ring.busy()) {
          misuse.record(AmdViRule.COMMAND_BUFFER_MOVED, "head to 0x%x while it runs", head);
        }
        commands.ring.head = head % commands.ring.lengthBytes();
        commands.restarted();
      }
      case Registers.COMMAND_TAIL ->
          commands.tailWritten(permitted(register, merged, Ring.POINTER_MASK));
      case Registers.EVENT_HEAD -> eventHead(permitted(register, merged, Ring.POINTER_MASK));
      case Registers.EVENT_TAIL -> {
        long tail = permitted(register, merged, Ring.POINTER_MASK);
        if (events.ring.busy()) {
          misuse.record(AmdViRule.EVENT_LOG_MOVED, "tail to 0x%x while it runs", tail);
        }
        events.ring.tail = tail % events.ring.lengthBytes();
      }
      case Registers.STATUS -> statusCleared(permitted(register, value, Registers.STATUS_MASK));
      default -> {
        int filter = registers.smiFilter(register);
        if (filter < 0) {
          permitted(register, value, 0);
        } else {
          registers.smiFilter(filter, permitted(register, merged, Registers.SMI_FILTER_MASK));
        }
      }
    }
  }

  private long controlMask() {
    return registers.smiFilters.length == 0
        ? Registers.CONTROL_MASK
        : Registers.CONTROL_MASK | Registers.SMI_F_EN | Registers.SMI_F_LOG_EN;
  }

  private long hardwareEventMask(long mask) {
    return config.hardwareEvents() ? mask : 0;
  }

  /** Returns the bits that a register has, and records those that it has not. */
  private long permitted(int register, long value, long mask) {
    if ((value & ~mask) != 0) {
      misuse.record(
          AmdViRule.REGISTER_RESERVED_BITS, "0x%x to register 0x%x", value & ~mask, register);
    }
    return value & mask;
  }

  private void deviceTable(long base) {
    if (registers.enabled() && base != registers.deviceTableBase) {
      misuse.record(AmdViRule.DEVICE_TABLE_MOVED, "0x%x to 0x%x", registers.deviceTableBase, base);
      misuse.unwatch(registers.deviceTable());
    }
    registers.deviceTableBase = base;
    if (registers.enabled()) {
      misuse.watch(registers.deviceTable());
    }
  }

  private void base(int register, Ring ring, long value, AmdViRule moved) {
    if (ring.busy()) {
      misuse.record(moved, "0x%x to 0x%x", ring.register, value);
    }
    if (!Ring.lengthExists(value)) {
      misuse.record(AmdViRule.BUFFER_LENGTH, "0x%x to register 0x%x", value, register);
    }
    ring.register = permitted(register, value, Ring.BASE_MASK);
    ring.head = 0;
    ring.tail = 0;
  }

  private void eventHead(long head) {
    Ring ring = events.ring;
    if (head >= ring.lengthBytes()) {
      misuse.record(AmdViRule.POINTER_BEYOND_BUFFER, "event head 0x%x", head);
      return;
    }
    long taken = Math.floorMod(head - ring.head, ring.lengthBytes());
    if (ring.busy() && taken > Math.floorMod(ring.tail - ring.head, ring.lengthBytes())) {
      misuse.record(
          AmdViRule.EVENT_LOG_UNDERRUN, "head 0x%x with the tail at 0x%x", head, ring.tail);
    }
    ring.head = head;
  }

  private void statusCleared(long value) {
    events.overflow &= (value & Registers.EVENT_OVERFLOW) == 0;
    events.written &= (value & Registers.EVENT_LOG_INT) == 0;
    completionWaitInt &= (value & Registers.COM_WAIT_INT) == 0;
  }

  private void control(long value) {
    LOG.debug(
        "{}: control 0x{} to 0x{}",
        site.name(),
        Long.toHexString(registers.control),
        Long.toHexString(value));
    boolean tableWatched = registers.enabled();
    boolean commandsWanted = wanted(Registers.CMD_BUF_EN);
    boolean eventsWanted = wanted(Registers.EVENT_LOG_EN);
    registers.control = value;
    if (registers.enabled() && !tableWatched) {
      misuse.forgetDevices();
      misuse.watch(registers.deviceTable());
    } else if (!registers.enabled() && tableWatched) {
      misuse.unwatch(registers.deviceTable());
    }
    if (registers.enabled() != tableWatched) {
      site.drain().drain(true, true);
    }
    // After an error only a change of CmdBufEn starts the buffer again.
    if (wanted(Registers.CMD_BUF_EN) != commandsWanted) {
      commands.ring.run.want(!commandsWanted);
      if (commandsWanted) {
        misuse.unwatch(commands.ring.range());
      } else {
        misuse.watch(commands.ring.range());
        commands.restarted();
      }
    }
    // The book has an overflown log resume when a 1 is written; hardware is known to want a 0
    // first, which the book's restart procedure gives it.
    if (wanted(Registers.EVENT_LOG_EN) != eventsWanted) {
      events.ring.run.want(!eventsWanted && !events.overflow);
    }
  }

  private boolean wanted(long bit) {
    return registers.enabled() && (registers.control & bit) != 0;
  }
}
