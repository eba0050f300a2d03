package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.support.DomainIds;
import dev.vmm.iommu.support.RemappingUnit;
import dev.vmm.iommu.support.UnitMove;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One remapping unit, taken over.
 *
 * <p>Thread-safe: one lock for each unit, taken after the lock of a page table and never before it.
 * While translation is off nothing is flushed: turning it on flushes everything.
 */
public final class Unit implements RemappingUnit {
  private static final Logger LOG = LoggerFactory.getLogger(Unit.class);

  /** What of RTADDR_REG can be written. */
  private static final long ROOT = RtaddrReg.RTA.mask() | RtaddrReg.TTM.mask();

  private final ReentrantLock lock = new ReentrantLock();
  private final Drhd drhd;
  private final UnitRegisters registers;
  private final CapReg cap;
  private final EcapReg ecap;
  private final GlobalCommand command;
  private final SavedRegisters saved;
  private final Invalidation invalidation;
  private final UnitCaches caches;
  private final FaultRecords faults;
  private final DomainIds domainIds;
  private final ContextTables tables;

  /** From before translation is turned on until it is known to be off. */
  private boolean translating;

  /** Whether {@link #start} went well; a unit can be neither on nor off, if it did not obey. */
  private boolean on;

  private boolean touched;
  private boolean freed;

  /**
   * Takes a unit over that {@link UnitCheck} has passed: reads registers, takes a page for the root
   * table, writes no register.
   *
   * @param queued whether the invalidation queue is to be used where the unit has one
   * @throws VmmException ENOMEM
   */
  public Unit(
      Drhd drhd,
      UnitRegisters registers,
      CapReg cap,
      EcapReg ecap,
      PhysicalMemory memory,
      boolean queued) {
    this.drhd = drhd;
    this.registers = registers;
    this.cap = cap;
    this.ecap = ecap;
    this.command = new GlobalCommand(registers);
    this.saved = new SavedRegisters(registers, command, cap, ecap);
    this.invalidation =
        queued && ecap.qi()
            ? new QueuedInvalidation(registers, command, memory, cap)
            : new RegisterInvalidation(registers, cap, ecap);
    this.caches = new UnitCaches(registers, command, invalidation, cap);
    this.faults = new FaultRecords(registers, drhd.segment(), cap);
    this.domainIds = new DomainIds(registers.where(), cap.numDomains().domains());
    this.tables = new ContextTables(memory, ecap.c());
  }

  @Override
  public String name() {
    return registers.unit();
  }

  @Override
  public String where() {
    return registers.where();
  }

  /** Returns what firmware says of it. */
  public Drhd drhd() {
    return drhd;
  }

  /** Returns its capabilities. */
  public CapReg cap() {
    return cap;
  }

  /** Returns its extended capabilities. */
  public EcapReg ecap() {
    return ecap;
  }

  @Override
  public int reachBits(int levels) {
    // Bit n of SAGAW stands for n + 2 levels; 0 and 4 are reserved.
    boolean walks = levels >= 3 && levels <= 5 && (cap.sagaw() & (1 << (levels - 2))) != 0;
    return walks ? Math.min(12 + 9 * levels, cap.guestAddressBits()) : 0;
  }

  @Override
  public boolean translates() {
    return command.status().tes();
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
      LOG.info("{}: translation is on, {}", where(), invalidation.name());
    } finally {
      lock.unlock();
    }
  }

  private void start() {
    tables.restock();
    saved.maskFaultEvents();
    if (cap.rwbf()) {
      command.flushWriteBuffer();
    }
    registers.write(RtaddrReg.LAYOUT, RtaddrReg.OFFSET, tables.root());
    // A write that was lost would have the unit walk whatever firmware once pointed at.
    registers.requireHolds(RtaddrReg.LAYOUT, RtaddrReg.OFFSET, ROOT, tables.root());
    command.setRootTable();
    invalidation.start();
    // Units with CAP_REG.ESRTPS have done this with the root table; it does no harm there.
    caches.flushAll();
    dropOldFaults();
    translating = true;
    command.turnOn(GcmdReg.TE);
    saved.openProtectedMemory();
  }

  private void dropOldFaults() {
    List<DmaFault> old = new ArrayList<>();
    if (faults.drainTo(old) || !old.isEmpty()) {
      LOG.info("{}: dropped faults from before translation was turned on: {}", where(), old);
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
    // Protection first, so that memory is not open in between; without it, off all the same.
    RuntimeException unprotected = null;
    try {
      saved.closeProtectedMemory();
    } catch (RuntimeException e) {
      unprotected = e;
    }
    command.turnOff(GcmdReg.TE);
    translating = false;
    if (unprotected != null) {
      throw unprotected;
    }
    invalidation.stop();
    saved.restore();
    touched = false;
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (!freed) {
        disable();
        freed = true;
        freeTables();
      }
    } finally {
      lock.unlock();
    }
  }

  private void freeTables() {
    try {
      tables.free();
    } catch (RuntimeException e) {
      throw failure(e, "to give its tables back");
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
      return faults.drainTo(target);
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
      return new ContextMove(this, sourceIds, domainId, levels, tableRoot);
    } catch (RuntimeException e) {
      throw failure(e, "to get ready for new context entries");
    } finally {
      lock.unlock();
    }
  }

  /** Returns what the machine threw as EIO, unless it is the platform's own. */
  VmmException failure(RuntimeException e, String what) {
    return registers.failure(e, what);
  }

  ReentrantLock lock() {
    return lock;
  }

  ContextTables tables() {
    return tables;
  }

  UnitCaches caches() {
    return caches;
  }

  boolean translating() {
    return translating;
  }
}
