package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;
import dev.vmm.machine.model.dma.InterruptMessage;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.pci.Rid;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An AMD-Vi unit, as lazy and as forgetful of nothing as the book allows. Source: 48882 rev 3.
 *
 * <p>Time passes only when software looks: when it reads the Status Register or a pointer of the
 * command buffer or event log, or loads a word that a COMPLETION_WAIT will store to. Guest
 * translation, PPR, accessed and dirty bits, and virtual APIC are not offered. Every unit remaps
 * interrupts, by entries of 32 bits.
 *
 * <p>Thread-safe: one lock, which is held while memory is read and device-written, and not while
 * interrupts are sent.
 */
public final class AmdViUnit implements RemappingUnit {
  /** The length of the registers in bytes: there are no performance counters. */
  public static final long REGISTER_BYTES = 0x4000;

  private static final Logger LOG = LoggerFactory.getLogger(AmdViUnit.class);

  private final UnitSite site;
  private final AmdViConfig config;
  private final AmdViCapability capability;
  private final ReentrantLock lock = new ReentrantLock();
  private final Registers registers;
  private final Interrupts interrupts = new Interrupts();
  private final Misuse misuse;
  private final Caches caches;
  private final Translator translator;
  private final EventLog events;
  private final CommandBuffer commands;
  private final MmioRegisters mmio;

  private boolean powered = true;

  /** Builds a unit, with power, that nobody has programmed yet. */
  @SuppressWarnings("this-escape") // final, and told of nothing before the caller has it
  public AmdViUnit(UnitSite site, AmdViConfig config) {
    this.site = site;
    this.config = config;
    this.registers = new Registers(config.smiFilters());
    this.capability = new AmdViCapability(config);
    this.misuse = new Misuse(site, registers, this::stored);
    this.caches = new Caches(this::tableKnown, this::tableForgotten);
    this.translator = new Translator(site, config, registers, caches, this::event);
    this.events = new EventLog(site, ring(), config.looseOrder(), this::lookedForEvent);
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
    this.mmio = new MmioRegisters(site, config, registers, commands, events, misuse, interrupts);
    site.memory().onFree(this::freed);
  }

  private Ring ring() {
    return new Ring(new RunBit(config.runLag(), site.injector()));
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

  /**
   * Says what an interrupt of the unit does: send the message that software set up in the unit's
   * PCI function. Before this, nothing. It is called without a lock held.
   */
  public void onInterrupt(Runnable message) {
    interrupts.connect(message);
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
            LOG.trace(
                "{}: {} iova 0x{} is 0x{}",
                name(),
                rid,
                Long.toHexString(iova),
                Long.toHexString(hpa));
          }
          return hpa;
        });
  }

  @Override
  public @Nullable InterruptMessage interrupt(Rid rid, long address, int data) {
    InterruptMessage[] message = {null};
    locked(
        () -> {
          if (powered) {
            message[0] =
                registers.enabled()
                    ? translator.interrupt(rid.id16(), address, data)
                    : new InterruptMessage(address, data);
            LOG.trace("{}: interrupt {} of {} is {}", name(), data, rid, message[0]);
          }
        });
    return message[0];
  }

  @Override
  public long read(long offset, int widthBytes) {
    return locked(
        () -> {
          if (!powered || !capability.enabled()) {
            return widthBytes == 8 ? -1L : (1L << (8 * widthBytes)) - 1;
          }
          return mmio.read(offset, widthBytes);
        });
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    locked(
        () -> {
          if (powered && capability.enabled()) {
            mmio.write(offset, widthBytes, value);
          }
        });
  }

  private void event(Event event) {
    mmio.event(event);
  }

  private void completionWaited() {
    mmio.completionWaited();
  }

  private void looked() {
    locked(mmio::poll);
  }

  private void lookedForEvent() {
    locked(events::looked);
  }

  private void stored(long hpa, long before, long after, int widthBytes) {
    if (before == after) {
      return;
    }
    locked(
        () -> {
          if (!registers.enabled()) {
            return;
          }
          if (registers.deviceTable().contains(hpa)) {
            misuse.deviceEntryStored(hpa, before, after, widthBytes);
            translator.deviceEntryStored(registers.deviceIdAt(hpa), (int) (hpa & 31) / 8);
          } else if (commands.ring.busy() && commands.ring.range().contains(hpa)) {
            misuse.commandStored(commands.ring, hpa, before, after);
          } else if (caches.tables.contains(hpa & -4096L)) {
            misuse.pageTableStored(hpa, before, after, widthBytes);
          } else if (caches.interrupts.tables.contains(hpa & -4096L)) {
            misuse.interruptTableStored(hpa, before, after, widthBytes);
          }
        });
  }

  private void freed(AddressRange run) {
    locked(() -> misuse.freed(run, caches, commands.ring, events.ring));
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
        });
  }

  private void clear() {
    mmio.reset();
    misuse.forgetDevices();
    caches.clear();
    interrupts.reset();
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

  /**
   * Returns how many entries of interrupt tables are cached, those that are not enabled included.
   */
  public int cachedInterruptEntries() {
    return (int) locked(caches.interrupts::entriesCached);
  }

  private void locked(Runnable action) {
    locked(
        () -> {
          action.run();
          return 0L;
        });
  }

  /** Does something under the lock, and sends the interrupts that came of it outside. */
  private long locked(LongSupplier action) {
    int due = 0;
    lock.lock();
    try {
      return action.getAsLong();
    } finally {
      if (lock.getHoldCount() == 1) {
        due = interrupts.take();
      }
      lock.unlock();
      interrupts.send(due);
    }
  }
}
