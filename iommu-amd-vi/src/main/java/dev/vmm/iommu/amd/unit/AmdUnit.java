package dev.vmm.iommu.amd.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.DevTabBaseReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.support.DomainIds;
import dev.vmm.iommu.support.RemappingUnit;
import dev.vmm.iommu.support.UnitMove;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One AMD-Vi unit, taken over.
 *
 * <p>Thread-safe: one lock for each unit. A move holds it from its first store to its last
 * confirmation, so that a flush by the old or the new domain id never misses what is cached under
 * the transit id for a moment. While translation is off nothing is flushed: turning it on flushes
 * everything.
 */
public final class AmdUnit implements RemappingUnit {
  private static final Logger LOG = LoggerFactory.getLogger(AmdUnit.class);

  /** A domain id is one of 16 bits. */
  private static final int DOMAIN_IDS = 1 << 16;

  /** How many domains one unit can be in: id 0 is nobody's, one is the transit id. */
  public static final int MAX_DOMAINS = DOMAIN_IDS - 2;

  /** More would need 64-bit lengths of whole domains. */
  private static final int WIDEST_BITS = 63;

  private static final long RUNNING = StatusReg.CMD_BUF_RUN.mask() | StatusReg.EVENT_LOG_RUN.mask();

  private final ReentrantLock lock = new ReentrantLock();
  private final UnitRegisters registers;
  private final UnitConfig config;
  private final DeviceTable table;
  private final Aliases aliases;
  private final ControlRegister control;
  private final SavedRegisters saved;
  private final EventLog events;
  private final CommandBuffer commands;
  private final UnitCaches caches;
  private final DomainIds domainIds;

  /** The domain id of entries on their way from one domain to another. */
  private final int transitId;

  /** From before translation is turned on until it is known to be off. */
  private boolean translating;

  /** Whether {@link #start} went well; a unit can be neither on nor off, if it did not obey. */
  private boolean on;

  private boolean touched;
  private boolean freed;

  /**
   * Takes a unit over that {@link UnitCheck} has passed: reads registers, writes none.
   *
   * @param table the device table of its segment, which the unit gives back when it is closed
   * @param aliases which ids go together
   */
  public AmdUnit(
      UnitRegisters registers,
      UnitConfig config,
      PhysicalMemory memory,
      DeviceTable table,
      Aliases aliases) {
    this.registers = registers;
    this.config = config;
    this.table = table;
    this.aliases = aliases;
    this.control = new ControlRegister(registers);
    this.saved = new SavedRegisters(registers);
    this.events = new EventLog(registers, memory, config.coherent(), config.segment(), control);
    this.commands = new CommandBuffer(registers, memory, config.coherent(), events);
    this.caches =
        new UnitCaches(registers, commands, config.notPresentCached(), config.invalidateAll());
    this.domainIds = new DomainIds(registers.where(), DOMAIN_IDS);
    this.transitId = domainIds.allocate();
    table.retain();
  }

  @Override
  public String name() {
    return registers.unit();
  }

  @Override
  public String where() {
    return registers.where();
  }

  /** Returns what it can do. */
  public UnitConfig config() {
    return config;
  }

  @Override
  public int reachBits(int levels) {
    return levels > config.levels() ? 0 : Math.min(WIDEST_BITS, 12 + 9 * levels);
  }

  @Override
  public boolean translates() {
    return control.isOn(ControlReg.IOMMU_EN);
  }

  @Override
  public void enable() {
    lock.lock();
    try {
      if (on) {
        return;
      }
      if (touched) {
        // An earlier stop failed half-way: what it left must be off before it is set up again.
        stop();
      }
      touched = true;
      try {
        start();
      } catch (RuntimeException e) {
        VmmException failure = failure(e, "to turn translation on");
        try {
          stop();
        } catch (VmmException second) {
          failure.addSuppressed(second);
        }
        throw failure;
      }
      on = true;
      LOG.info("{}: translation is on", where());
    } finally {
      lock.unlock();
    }
  }

  /**
   * The order of the book: everything that the unit will read is in memory and in its registers
   * before IommuEn. It takes commands only with IommuEn, so that what it remembers from before is
   * forgotten right after.
   */
  private void start() {
    caches.heal();
    saved.closeExclusion();
    long base = DevTabBaseReg.of(table.base(), DeviceTable.BYTES);
    registers.write(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, base);
    // A write that was lost would have the unit read entries wherever firmware once pointed.
    registers.requireHolds(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, -1L, base);
    commands.start();
    events.start();
    clearStatus();
    control.set(config.control() | ControlReg.CMD_BUF_EN.mask() | ControlReg.EVENT_LOG_EN.mask());
    translating = true;
    control.turnOn(ControlReg.IOMMU_EN);
    registers.await(StatusReg.LAYOUT, StatusReg.OFFSET, RUNNING, RUNNING, "to run its buffers");
    caches.flushAll();
    int old = events.drop();
    if (old > 0) {
      LOG.info("{}: dropped {} faults from before translation was turned on", where(), old);
    }
  }

  /** Clears what an earlier overflow or interrupt left set: a log does not start on top of it. */
  private void clearStatus() {
    long left = registers.readAlive(StatusReg.LAYOUT, StatusReg.OFFSET) & StatusReg.CLEARED_BY_ONE;
    if (left != 0) {
      registers.write(StatusReg.LAYOUT, StatusReg.OFFSET, left);
      registers.requireHolds(StatusReg.LAYOUT, StatusReg.OFFSET, left, 0);
    }
  }

  @Override
  public void disable() {
    lock.lock();
    try {
      if (touched) {
        stop();
        LOG.info("{}: translation is off", where());
      }
    } finally {
      lock.unlock();
    }
  }

  private void stop() {
    on = false;
    try {
      turnOff();
    } catch (RuntimeException e) {
      throw failure(e, "to turn translation off");
    }
  }

  private void turnOff() {
    commands.awaitEmpty();
    control.turnOff(ControlReg.IOMMU_EN);
    translating = false;
    control.set(config.control());
    registers.await(StatusReg.LAYOUT, StatusReg.OFFSET, RUNNING, 0, "to stop its buffers");
    clearStatus();
    saved.restore();
    // Only now: the unit has no address of them any more.
    commands.free();
    events.free();
    touched = false;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (!freed) {
        disable();
        freed = true;
        table.release();
      }
    } catch (RuntimeException e) {
      throw failure(e, "to give its device table back");
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int allocateDomainId() {
    lock.lock();
    try {
      return domainIds.allocate();
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void freeDomainId(int domainId) {
    lock.lock();
    try {
      domainIds.free(domainId);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void flush(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
    lock.lock();
    try {
      if (translating) {
        caches.flushRange(domainId, iova, lengthBytes, leavesOnly);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void published(int domainId, long iova, long lengthBytes) {
    if (!caches.needsPublishing()) {
      return;
    }
    lock.lock();
    try {
      if (translating) {
        caches.published(domainId, iova, lengthBytes);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean drainFaults(List<DmaFault> target) {
    lock.lock();
    try {
      return on && events.drainTo(target);
    } catch (RuntimeException e) {
      throw failure(e, "to tell its faults");
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void check() {
    lock.lock();
    try {
      if (translating) {
        caches.check();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public UnitMove move(int[] sourceIds, int domainId, int levels, long tableRoot) {
    lock.lock();
    try {
      int[] ids = aliases.together(sourceIds, id -> elsewhere(id, domainId));
      return new EntryMove(this, ids, DeviceTable.translated(levels, tableRoot), domainId);
    } catch (RuntimeException e) {
      throw failure(e, "to get ready for new device table entries");
    } finally {
      lock.unlock();
    }
  }

  private boolean elsewhere(int id, int domainId) {
    return table.domainId(id) != 0 && table.domainId(id) != domainId;
  }

  /** Returns what the machine threw as EIO, unless it is the platform's own. */
  VmmException failure(RuntimeException e, String what) {
    return registers.failure(e, what);
  }

  ReentrantLock lock() {
    return lock;
  }

  DeviceTable table() {
    return table;
  }

  UnitCaches caches() {
    return caches;
  }

  int transitId() {
    return transitId;
  }

  boolean translating() {
    return translating;
  }
}
