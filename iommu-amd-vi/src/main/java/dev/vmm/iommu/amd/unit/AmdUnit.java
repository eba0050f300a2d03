package dev.vmm.iommu.amd.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.DevTabBaseReg;
import dev.vmm.iommu.amd.regs.StatusReg;
import dev.vmm.iommu.support.AbstractUnit;
import dev.vmm.iommu.support.AllTried;
import dev.vmm.iommu.support.DomainIds;
import dev.vmm.iommu.support.UnitMove;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One AMD-Vi unit, taken over.
 *
 * <p>Thread-safe. A move holds the unit's lock from its first store to its last confirmation, so
 * that a flush by the old or the new domain id never misses what is cached under the transit id for
 * a moment.
 */
public final class AmdUnit extends AbstractUnit {
  private static final Logger LOG = LoggerFactory.getLogger(AmdUnit.class);

  /** A domain id is one of 16 bits. */
  private static final int DOMAIN_IDS = 1 << 16;

  /** How many domains one unit can be in: id 0 is nobody's, one is the transit id. */
  public static final int MAX_DOMAINS = DOMAIN_IDS - 2;

  /** More would need 64-bit lengths of whole domains. */
  private static final int WIDEST_BITS = 63;

  private static final long RUNNING = StatusReg.CMD_BUF_RUN.mask() | StatusReg.EVENT_LOG_RUN.mask();

  private final UnitRegisters registers;
  private final UnitConfig config;
  private final DeviceTable table;
  private final ControlRegister control;
  private final SavedRegisters saved;
  private final EventLog events;
  private final CommandBuffer commands;
  private final UnitCaches caches;
  private final InterruptTables interrupts;

  /** What puts entries right that a failed move had to leave half-way, by device id. */
  private final Map<Integer, Runnable> unsettled = new HashMap<>();

  /** The domain id of entries on their way from one domain to another. */
  private final int transitId;

  /**
   * Takes a unit over that {@link UnitCheck} has passed: reads registers, writes none.
   *
   * @param table its device table, which the unit frees when it is closed
   * @param words what its device table says of interrupts
   * @param aliasOf the id under which the unit sees what an id sends, by firmware's word
   */
  public AmdUnit(
      UnitRegisters registers,
      UnitConfig config,
      PhysicalMemory memory,
      DeviceTable table,
      InterruptWords words,
      IntUnaryOperator aliasOf) {
    super(registers, new DomainIds(registers.where(), DOMAIN_IDS), "device table entries");
    this.registers = registers;
    this.config = config;
    this.table = table;
    this.control = new ControlRegister(registers);
    this.saved = new SavedRegisters(registers);
    this.events = new EventLog(registers, memory, config.coherent(), config.segment(), control);
    this.commands = new CommandBuffer(registers, memory, config.coherent(), events);
    this.caches =
        new UnitCaches(registers, commands, config.notPresentCached(), config.invalidateAll());
    this.interrupts = new InterruptTables(this, memory, config.coherent(), words, aliasOf);
    this.transitId = allocateDomainId();
  }

  /** Returns what it can do. */
  public UnitConfig config() {
    return config;
  }

  @Override
  public int reachBits(int levels) {
    return reachBits(config.levels(), levels);
  }

  /** Returns how far a unit that walks {@code most} levels reaches with so many, in bits. */
  public static int reachBits(int most, int levels) {
    return levels > most ? 0 : Math.min(WIDEST_BITS, 12 + 9 * levels);
  }

  @Override
  public boolean translates() {
    return control.isOn(ControlReg.IOMMU_EN);
  }

  /**
   * The order of the book: everything that the unit will read is in memory and in its registers
   * before IommuEn. It takes commands only with IommuEn, so that what it remembers from before is
   * forgotten right after.
   */
  @Override
  protected void start() {
    // Without what firmware left on: the pointers of a ring that is enabled, or runs, are the
    // unit's.
    control.set(config.control());
    awaitStopped();
    if (!control.isOn(ControlReg.COHERENT)) {
      // Whatever firmware says of it, it reads device table entries past the caches.
      table.flushAlways();
    }
    caches.heal();
    saved.closeExclusion();
    long base = DevTabBaseReg.of(table.base(), DeviceTable.BYTES);
    registers.write(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, base);
    // A write that was lost would have the unit read entries wherever firmware once pointed.
    registers.requireHolds(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET, -1L, base);
    commands.start();
    events.start();
    clearStatus(StatusReg.EVENT_OVERFLOW.mask());
    control.set(
        config.control()
            | SmiFilter.control(registers, config.smiFilters(), saved.control())
            | ControlReg.CMD_BUF_EN.mask()
            | ControlReg.EVENT_LOG_EN.mask());
    beginTranslating();
    control.turnOn(ControlReg.IOMMU_EN);
    registers.await(
        StatusReg.LAYOUT,
        StatusReg.OFFSET,
        StatusReg.CMD_BUF_RUN.mask(),
        StatusReg.CMD_BUF_RUN.mask(),
        "to run its command buffer");
    events.awaitRunning();
    caches.flushAll(interrupts.users());
    int old = events.drop();
    if (old > 0) {
      LOG.info("{}: dropped {} faults from before translation was turned on", where(), old);
    }
  }

  private void awaitStopped() {
    registers.await(StatusReg.LAYOUT, StatusReg.OFFSET, RUNNING, 0, "to stop its buffers");
  }

  /**
   * Clears what an earlier overflow or interrupt left set.
   *
   * @param relied the bits that must be clear: a log does not start on top of an overflow. The
   *     others tell of what nobody uses here
   */
  private void clearStatus(long relied) {
    long left = registers.readAlive(StatusReg.LAYOUT, StatusReg.OFFSET) & StatusReg.CLEARED_BY_ONE;
    if (left != 0) {
      registers.write(StatusReg.LAYOUT, StatusReg.OFFSET, left);
      registers.requireHolds(StatusReg.LAYOUT, StatusReg.OFFSET, relied, 0);
    }
  }

  @Override
  protected void turnOff() {
    commands.awaitEmpty();
    control.turnOff(ControlReg.IOMMU_EN);
    endTranslating();
    // Before anybody can move the same ids again: from then on the table is believed.
    unsettled.values().forEach(Runnable::run);
    unsettled.clear();
    control.set(config.control());
    awaitStopped();
    clearStatus(0);
    saved.restore();
    // Only now: the unit has no address of them any more.
    commands.free();
    events.free();
  }

  @Override
  protected boolean drain(List<DmaFault> target) {
    return on() && events.drainTo(target);
  }

  /** At home its DMA alone is stopped: what it could send to interrupts the I/O APIC sends, too. */
  @Override
  public void admitToGuest(int[] sourceIds) {
    for (int id : sourceIds) {
      interrupts.checkRemappable(id);
    }
  }

  @Override
  protected UnitMove begin(
      int[] sourceIds, int domainId, int levels, long tableRoot, boolean forwardsInterrupts) {
    return new EntryMove(
        this,
        sourceIds,
        new EntryMove.Place(
            DeviceTable.translated(levels, tableRoot),
            domainId,
            forwardsInterrupts && interrupts.remapping()));
  }

  @Override
  public InterruptEntries allocateInterrupts(Rid source, int count) {
    return locked(
        "to reserve interrupt entries",
        () -> {
          if (freed()) {
            throw VmmException.invalid(
                "cannot reserve interrupt entries for %s: %s was given up, expected it open; open the I/O MMU again",
                source, where());
          }
          return interrupts.allocate(source, count);
        });
  }

  /** By IntCtl of each device table entry. */
  @Override
  public boolean forwardsHostInterrupts() {
    return true;
  }

  @Override
  protected void freeTables() {
    AllTried freed = new AllTried();
    freed.run(interrupts::free);
    freed.run(table::free);
    freed.throwFirst();
  }

  @Override
  protected UnitCaches caches() {
    return caches;
  }

  @Override
  protected void log(String line) {
    LOG.info("{}: {}", where(), line);
  }

  /** Says whether it was given up, tables and all. */
  boolean gone() {
    return freed();
  }

  Rid rid(int id) {
    return Rid.of(config.segment(), id);
  }

  InterruptTables interrupts() {
    return interrupts;
  }

  DeviceTable table() {
    return table;
  }

  int transitId() {
    return transitId;
  }

  /** Has an entry set to this as soon as the unit is known to be off. */
  void settleWhenOff(int id, long translation, int domainId, boolean forwardsInterrupts) {
    unsettled.put(
        id,
        () -> {
          interrupts.set(id, forwardsInterrupts);
          table.setBoth(id, translation, domainId);
        });
  }
}
