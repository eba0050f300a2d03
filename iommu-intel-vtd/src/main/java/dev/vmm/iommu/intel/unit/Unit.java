package dev.vmm.iommu.intel.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.support.AbstractUnit;
import dev.vmm.iommu.support.AllTried;
import dev.vmm.iommu.support.DomainIds;
import dev.vmm.iommu.support.UnitMove;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One remapping unit, taken over. Thread-safe. */
public final class Unit extends AbstractUnit {
  private static final Logger LOG = LoggerFactory.getLogger(Unit.class);

  /** What of IRTA_REG can be written; EIME only where ECAP_REG.EIM is set. */
  private static final long IRTA = IrtaReg.IRTA.mask() | IrtaReg.EIME.mask() | IrtaReg.S.mask();

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
  private final PhysicalMemory memory;

  /** Null where interrupts are not remapped. */
  private @Nullable InterruptTable interrupts;

  /** From before interrupt remapping is turned on until it is known to be off. */
  private boolean remapping;

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
    this.caches = new UnitCaches(registers, command, invalidation, cap, ecap);
    this.faults = new FaultRecords(registers, drhd.segment(), cap);
    this.memory = memory;
    this.tables = new ContextTables(memory, ecap.c());
  }

  /** Says whether it can remap interrupts: what is cached of them only a queue can flush. */
  public boolean canRemapInterrupts() {
    return ecap.ir() && invalidation instanceof QueuedInvalidation;
  }

  /**
   * Has interrupts remapped from the start on: takes the pages of a table, writes no register.
   *
   * @param entries a power of two, 256 to 65536
   * @param extended whether to use extended interrupt mode, which the unit has
   * @throws VmmException ENOMEM
   */
  public void remapInterrupts(int entries, boolean extended) {
    interrupts = new InterruptTable(memory, ecap.c(), entries, extended);
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
    InterruptTable table = interrupts;
    if (table != null) {
      registers.write(IrtaReg.LAYOUT, IrtaReg.OFFSET, table.irta());
      registers.requireHolds(IrtaReg.LAYOUT, IrtaReg.OFFSET, IRTA, table.irta());
      command.setInterruptTable();
    }
    invalidation.start();
    // Units with CAP_REG.ESRTPS have done this with the root table, those with ESIRTPS with the
    // interrupt table; it does no harm there.
    caches.flushAll(table != null);
    dropOldFaults();
    if (table != null) {
      saved.blockCompatibilityFormat();
      remapping = true;
      command.turnOn(GcmdReg.IRE);
    }
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
    if (interrupts != null) {
      command.turnOff(GcmdReg.IRE);
      remapping = false;
    }
    if (unprotected != null) {
      throw unprotected;
    }
    if (interrupts != null) {
      saved.restoreInterrupts();
    }
    invalidation.stop();
    saved.restore();
  }

  @Override
  protected void freeTables() {
    AllTried freed = new AllTried();
    freed.run(tables::free);
    InterruptTable table = interrupts;
    if (table != null) {
      freed.run(table::free);
    }
    freed.throwFirst();
  }

  @Override
  public InterruptEntries allocateInterrupts(Rid source, int count) {
    return locked(
        "to reserve interrupt entries",
        () -> {
          InterruptTable table = interrupts;
          if (table == null || freed()) {
            return super.allocateInterrupts(source, count);
          }
          checkInterrupts();
          return new UnitInterrupts(this, table, source, count);
        });
  }

  @Override
  public boolean remapsInterrupts() {
    return locked(
        "to say whether it remaps interrupts",
        () -> !freed() && GstsReg.IRES.isSet(registers.readAlive(GstsReg.LAYOUT, GstsReg.OFFSET)));
  }

  @Override
  public void forgoInterrupts() {
    runLocked(
        "to give its interrupt table back",
        () -> {
          if (touched()) {
            throw VmmException.invalid(
                "%s cannot leave interrupts alone: it may remap them, or know their table, expected it off and as it was"
                    + " found; close the I/O MMU",
                where());
          }
          InterruptTable table = interrupts;
          interrupts = null;
          if (table != null) {
            table.free();
          }
        });
  }

  /** Says whether the interrupt table is freed; with the lock held. */
  boolean givenUp() {
    return freed() || interrupts == null;
  }

  /** Fails with EIO if an invalidation was not confirmed; with the lock held. */
  void checkInterrupts() {
    if (remapping) {
      caches.check();
    }
  }

  /**
   * Has the unit forget interrupt entries that were changed; with the lock held.
   *
   * @param replaced whether one of them was present before
   */
  void interruptsChanged(boolean replaced, int first, int count) {
    if (remapping) {
      caches.interruptsChanged(replaced, first, count);
    }
  }

  @Override
  protected boolean drain(List<DmaFault> target) {
    // What a unit that is off has recorded is somebody else's.
    return translating() && faults.drainTo(target);
  }

  @Override
  protected UnitMove begin(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts) {
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
