package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.support.AbstractUnit;
import dev.vmm.iommu.support.DomainIds;
import dev.vmm.iommu.support.UnitMove;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One remapping unit, taken over. Thread-safe. */
public final class Unit extends AbstractUnit {
  private static final Logger LOG = LoggerFactory.getLogger(Unit.class);

  /** What of RTADDR_REG can be written. */
  private static final long ROOT = RtaddrReg.RTA.mask() | RtaddrReg.TTM.mask();

  private final Drhd drhd;
  private final UnitRegisters registers;
  private final CapReg cap;
  private final EcapReg ecap;
  private final GlobalCommand command;
  private final SavedRegisters saved;
  private final Invalidation invalidation;
  private final UnitCaches caches;
  private final FaultRecords faults;
  private final ContextTables tables;

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
    super(
        registers, new DomainIds(registers.where(), cap.numDomains().domains()), "context entries");
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
    this.tables = new ContextTables(memory, ecap.c());
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
    return reachBits(cap, levels);
  }

  /** Returns how far a unit that reads this CAP_REG reaches with so many levels, in bits. */
  public static int reachBits(CapReg cap, int levels) {
    // Bit n of SAGAW stands for n + 2 levels; 0 and 4 are reserved.
    boolean walks = levels >= 3 && levels <= 5 && (cap.sagaw() & (1 << (levels - 2))) != 0;
    return walks ? Math.min(12 + 9 * levels, cap.guestAddressBits()) : 0;
  }

  @Override
  public boolean translates() {
    return command.status().tes();
  }

  @Override
  protected void start() {
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
    beginTranslating();
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
  protected void turnOff() {
    // Protection first, so that memory is not open in between; without it, off all the same.
    RuntimeException unprotected = null;
    try {
      saved.closeProtectedMemory();
    } catch (RuntimeException e) {
      unprotected = e;
    }
    command.turnOff(GcmdReg.TE);
    endTranslating();
    if (unprotected != null) {
      throw unprotected;
    }
    invalidation.stop();
    saved.restore();
  }

  @Override
  protected void freeTables() {
    tables.free();
  }

  @Override
  protected boolean drain(List<DmaFault> target) {
    return faults.drainTo(target);
  }

  @Override
  protected UnitMove begin(int[] sourceIds, int domainId, int levels, long tableRoot) {
    return new ContextMove(this, sourceIds, domainId, levels, tableRoot);
  }

  @Override
  protected UnitCaches caches() {
    return caches;
  }

  @Override
  protected void log(String line) {
    LOG.info("{}: {}, {}", where(), line, invalidation.name());
  }

  ContextTables tables() {
    return tables;
  }
}
