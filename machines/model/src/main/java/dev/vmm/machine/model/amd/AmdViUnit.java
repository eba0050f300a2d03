package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.pci.Rid;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An AMD-Vi unit, as lazy and as forgetful of nothing as the book allows. Source: 48882 rev 3.
 *
 * <p>Time passes only when software looks: when it reads the Status Register or a pointer of the
 * command buffer or event log, or loads a word that a COMPLETION_WAIT will store to. Guest
 * translation, PPR, accessed and dirty bits, virtual APIC and the remapping of interrupts are not
 * offered: an interrupt that its entry would have remapped passes as it is.
 *
 * <p>Thread-safe: one lock, which is held while memory is read and device-written, and not while
 * messages are delivered.
 */
public final class AmdViUnit implements RemappingUnit {
  /** The length of the registers in bytes: there are no performance counters. */
  public static final long REGISTER_BYTES = 0x4000;

  private static final Logger LOG = LoggerFactory.getLogger(AmdViUnit.class);

  private final UnitSite site;
  private final AmdViConfig config;
  private final AmdViCapability capability;
  private final ReentrantLock lock = new ReentrantLock();
  private final Registers registers = new Registers();
  private final Misuse misuse;
  private final Caches caches;
  private final Translator translator;
  private final EventLog events;
  private final CommandBuffer commands;

  private boolean powered = true;
  private boolean completionWaitInt;

  private boolean msiEnabled;
  private long msiAddress;
  private int msiData;
  private int messagesDue;

  /** Builds a unit, with power, that nobody has programmed yet. */
  @SuppressWarnings("this-escape") // final, and told of nothing before the caller has it
  public AmdViUnit(UnitSite site, AmdViConfig config) {
    this.site = site;
    this.config = config;
    this.capability = new AmdViCapability(config);
    this.misuse = new Misuse(site, registers, this::stored);
    this.caches = new Caches(this::tableKnown, this::tableForgotten);
    this.translator = new Translator(site, config, registers, caches, this::event);
    this.events = new EventLog(site, ring());
    this.commands =
        new CommandBuffer(
            site,
            config,
            ring(),
            translator,
            misuse,
            this::event,
            this::completionWaited,
            this::looked);
    site.memory().onFree(this::freed);
  }

  private Ring ring() {
    return new Ring(new RunBit(config.runLag(), site.injector()), config.largestBufferEntries());
  }

  @Override
  public String name() {
    return site.name();
  }

  @Override
  public AddressRange registers() {
    return new AddressRange(
        capability.enabled() ? capability.base() : config.registerBase(), REGISTER_BYTES);
  }

  /** Returns what the unit was built from. */
  public AmdViConfig config() {
    return config;
  }

  /** Returns the capability block, for the unit's PCI function to host. */
  public AmdViCapability capability() {
    return capability;
  }

  /** Software set up the MSI of the unit's PCI function. */
  public void msi(boolean enabled, long address, int data) {
    locked(
        () -> {
          msiEnabled = enabled;
          msiAddress = address;
          msiData = data;
          return 0;
        });
  }

  @Override
  public long translate(Rid rid, long iova, boolean write) {
    return locked(
        () -> {
          if (!powered) {
            return BLOCKED;
          }
          if (!registers.enabled()) {
            return iova;
          }
          long hpa = translator.translate(rid.id16(), iova, write);
          if (LOG.isTraceEnabled()) {
            LOG.trace("{}: {} iova 0x{} is 0x{}", name(), rid, hex(iova), hex(hpa));
          }
          return hpa;
        });
  }

  @Override
  public long read(long offset, int widthBytes) {
    return locked(
        () -> {
          if (!powered || !capability.enabled()) {
            return widthBytes == 8 ? -1L : (1L << (8 * widthBytes)) - 1;
          }
          if (!accessible(offset, widthBytes)) {
            return 0;
          }
          int register = (int) offset & ~7;
          if (register >= Registers.COMMAND_HEAD && register <= Registers.STATUS) {
            poll();
          }
          long value = value(register);
          return widthBytes == 8 ? value : (value >>> (8 * (offset & 4))) & 0xffff_ffffL;
        });
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    locked(
        () -> {
          if (powered && capability.enabled() && accessible(offset, widthBytes)) {
            int register = (int) offset & ~7;
            long mask = widthBytes == 8 ? -1L : 0xffff_ffffL << (8 * (offset & 4));
            write(register, mask, (value << (8 * (offset & 4))) & mask);
          }
          return 0;
        });
  }

  private boolean accessible(long offset, int widthBytes) {
    boolean fits =
        (widthBytes == 4 || widthBytes == 8)
            && (offset & (widthBytes - 1)) == 0
            && offset >= 0
            && offset + widthBytes <= REGISTER_BYTES;
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
      default -> 0;
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
      case Registers.DEVICE_TABLE_BASE -> {
        long base = permitted(register, merged, Registers.DEVICE_TABLE_MASK);
        if (registers.enabled() && base != registers.deviceTableBase) {
          misuse.record(
              AmdViRule.DEVICE_TABLE_MOVED, "0x%x to 0x%x", registers.deviceTableBase, base);
          misuse.unwatch(registers.deviceTable());
        }
        registers.deviceTableBase = base;
        if (registers.enabled()) {
          misuse.watch(registers.deviceTable());
        }
      }
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
      case Registers.CONTROL -> control(permitted(register, merged, Registers.CONTROL_MASK));
      case Registers.EXCLUSION_BASE ->
          registers.exclusionBase = permitted(register, merged, Registers.EXCLUSION_BASE_MASK);
      case Registers.EXCLUSION_LIMIT ->
          registers.exclusionLimit = permitted(register, merged, Dte.ADDRESS);
      case Registers.EXTENDED_FEATURE,
          Registers.HARDWARE_EVENT_UPPER,
          Registers.HARDWARE_EVENT_LOWER ->
          misuse.record(AmdViRule.REGISTER_READ_ONLY, "0x%x to register 0x%x", value, register);
      case Registers.HARDWARE_EVENT_STATUS ->
          registers.hardwareEventStatus &=
              ~permitted(register, value, Registers.HARDWARE_EVENT_STATUS_MASK);
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
      default -> permitted(register, value, 0);
    }
  }

  /** Returns the bits that a register has, and records those that it has not. */
  private long permitted(int register, long value, long mask) {
    if ((value & ~mask) != 0) {
      misuse.record(
          AmdViRule.REGISTER_RESERVED_BITS, "0x%x to register 0x%x", value & ~mask, register);
    }
    return value & mask;
  }

  private void base(int register, Ring ring, long value, AmdViRule moved) {
    if (ring.busy()) {
      misuse.record(moved, "0x%x to 0x%x", ring.register, value);
    }
    if (!ring.lengthExists(value)) {
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
    LOG.debug("{}: control 0x{} to 0x{}", name(), hex(registers.control), hex(value));
    boolean tableWatched = registers.enabled();
    boolean commandsWanted = wanted(Registers.CMD_BUF_EN);
    registers.control = value;
    if (registers.enabled() && !tableWatched) {
      misuse.allDevicesInvalidated();
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
    if (!wanted(Registers.EVENT_LOG_EN)) {
      events.ring.run.want(false);
    } else if (!events.overflow) {
      events.ring.run.want(true);
    }
  }

  private boolean wanted(long bit) {
    return registers.enabled() && (registers.control & bit) != 0;
  }

  /** Software looks: time passes. */
  private void poll() {
    commands.poll();
    if (events.poll()) {
      eventInterrupt();
    }
  }

  private void event(Event event) {
    if (event.hardwareError() && config.hardwareEvents()) {
      registers.hardwareEvent(event);
    }
    if (events.record(event)) {
      eventInterrupt();
    }
  }

  private void eventInterrupt() {
    if ((registers.control & Registers.EVENT_INT_EN) != 0) {
      messagesDue++;
    }
  }

  private void completionWaited() {
    boolean first = !completionWaitInt;
    completionWaitInt = true;
    if (first && (registers.control & Registers.COM_WAIT_INT_EN) != 0) {
      messagesDue++;
    }
  }

  private void looked() {
    locked(
        () -> {
          poll();
          return 0;
        });
  }

  private void stored(long hpa, long before, long after, int widthBytes) {
    if (before == after) {
      return;
    }
    locked(
        () -> {
          if (!registers.enabled()) {
            return 0;
          }
          if (registers.deviceTable().contains(hpa)) {
            misuse.deviceEntryStored(hpa, before, after, widthBytes);
          } else if (commands.ring.busy() && commands.ring.range().contains(hpa)) {
            misuse.commandStored(commands.ring, hpa, before, after);
          } else if (caches.tables.contains(hpa & -4096L)) {
            misuse.pageTableStored(hpa, before, after, widthBytes);
          }
          return 0;
        });
  }

  private void freed(AddressRange run) {
    locked(
        () -> {
          misuse.freed(run, caches, commands.ring, events.ring);
          return 0;
        });
  }

  private void tableKnown(long pageHpa) {
    misuse.watch(new AddressRange(pageHpa, 4096));
  }

  private void tableForgotten(long pageHpa) {
    misuse.unwatch(new AddressRange(pageHpa, 4096));
  }

  /** Resets the unit: registers and caches are as after power-on; firmware's base stays. */
  @Override
  public void reset() {
    locked(
        () -> {
          clear();
          powered = true;
          return 0;
        });
  }

  /**
   * Takes the power away, until {@link #reset}: registers read all ones, DMAs go nowhere, all state
   * is lost.
   */
  @Override
  public void losePower() {
    locked(
        () -> {
          clear();
          powered = false;
          site.drain().drain(true, true);
          return 0;
        });
  }

  private void clear() {
    if (registers.enabled()) {
      misuse.unwatch(registers.deviceTable());
    }
    misuse.unwatch(commands.ring.range());
    misuse.allDevicesInvalidated();
    caches.clear();
    commands.reset();
    events.reset();
    registers.reset();
    completionWaitInt = false;
    messagesDue = 0;
  }

  /** Returns how many device table entries are cached. */
  public int cachedDeviceEntries() {
    return (int) locked(caches::devicesCached);
  }

  /** Returns how many page directories are cached. */
  public int cachedDirectories() {
    return (int) locked(caches::directoriesCached);
  }

  /** Returns how many translations of 4 KiB are cached, those to nothing included. */
  public int cachedTranslations() {
    return (int) locked(caches::leavesCached);
  }

  /** Does something under the lock, and delivers the messages that came of it outside. */
  private long locked(LongSupplier action) {
    int due = 0;
    boolean enabled;
    long address;
    int data;
    lock.lock();
    try {
      return action.getAsLong();
    } finally {
      if (lock.getHoldCount() == 1) {
        due = messagesDue;
        messagesDue = 0;
      }
      enabled = msiEnabled;
      address = msiAddress;
      data = msiData;
      lock.unlock();
      for (int i = 0; enabled && i < due; i++) {
        site.messages().deliver(address, data);
      }
    }
  }

  private static String hex(long value) {
    return Long.toHexString(value);
  }
}
