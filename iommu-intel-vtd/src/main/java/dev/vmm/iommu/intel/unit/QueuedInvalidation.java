package dev.vmm.iommu.intel.unit;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.FstsReg;
import dev.vmm.iommu.intel.regs.GcmdReg;
import dev.vmm.iommu.intel.regs.Granularity;
import dev.vmm.iommu.intel.regs.IqaReg;
import dev.vmm.iommu.intel.regs.IqercdReg;
import dev.vmm.iommu.intel.regs.IqhReg;
import dev.vmm.iommu.intel.regs.IqtReg;
import dev.vmm.iommu.intel.structs.ContextCacheDescriptor;
import dev.vmm.iommu.intel.structs.InterruptEntryDescriptor;
import dev.vmm.iommu.intel.structs.IotlbDescriptorHigh;
import dev.vmm.iommu.intel.structs.IotlbDescriptorLow;
import dev.vmm.iommu.intel.structs.WaitDescriptorLow;
import dev.vmm.iommu.support.Deadline;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.VarHandle;
import java.util.Locale;

/**
 * Invalidation by a queue of 128-bit descriptors in one page, and a word that the unit writes when
 * it has come to a wait descriptor.
 *
 * <p>Queue and word need no cache flush on any unit: the unit always snoops them. Source: VT-d
 * r4.1, "Queued Invalidation Interface".
 */
final class QueuedInvalidation implements Invalidation {
  private static final int ENTRIES = 256;
  private static final int ENTRY_BYTES = 16;
  private static final long ERRORS = FstsReg.IQE.mask() | FstsReg.ICE.mask() | FstsReg.ITE.mask();

  private final UnitRegisters registers;
  private final GlobalCommand command;
  private final PhysicalMemory memory;
  private final boolean drainReads;
  private final boolean drainWrites;

  private long queue;
  private long status;
  private int head;
  private int tail;

  /** Counts waits, so that a completion that comes late is not taken for a later one's. */
  private int sequence;

  QueuedInvalidation(
      UnitRegisters registers, GlobalCommand command, PhysicalMemory memory, CapReg cap) {
    this.registers = registers;
    this.command = command;
    this.memory = memory;
    this.drainReads = cap.drd();
    this.drainWrites = cap.dwd();
  }

  @Override
  public String name() {
    return "queued invalidation";
  }

  /** No page is left from before: {@link Unit} starts only after a {@link #stop} that succeeded. */
  @Override
  public void start() {
    queue = memory.allocatePage();
    status = memory.allocatePage();
    head = 0;
    tail = 0;
    registers.write(FstsReg.LAYOUT, FstsReg.OFFSET, ERRORS);
    registers.write(IqtReg.LAYOUT, IqtReg.OFFSET, 0);
    registers.requireHolds(IqtReg.LAYOUT, IqtReg.OFFSET, IqtReg.QT.mask(), 0);
    registers.write(IqaReg.LAYOUT, IqaReg.OFFSET, queue);
    command.turnOn(GcmdReg.QIE);
    // Only now, with a queue that is empty still: some units show here the address that they have
    // taken over, and take it over when the queue is turned on.
    registers.requireHolds(IqaReg.LAYOUT, IqaReg.OFFSET, IqaReg.IQA.mask(), queue);
  }

  @Override
  public void stop() {
    if (command.status().qies()) {
      awaitEmpty();
      command.turnOff(GcmdReg.QIE);
      dropErrors();
    }
    if (queue != 0) {
      memory.free(queue, PhysicalMemory.PAGE_BYTES);
      queue = 0;
    }
    if (status != 0) {
      memory.free(status, PhysicalMemory.PAGE_BYTES);
      status = 0;
    }
  }

  /** A unit that stopped at a descriptor stops there again whenever the error is cleared. */
  private void dropErrors() {
    long errors = registers.readAlive(FstsReg.LAYOUT, FstsReg.OFFSET) & ERRORS;
    if (errors != 0) {
      registers.write(FstsReg.LAYOUT, FstsReg.OFFSET, errors);
    }
  }

  /**
   * Lets the unit finish what it was given: the queue must not be turned off before. After a sync
   * that succeeded it has; one that hangs or has stopped at an error is turned off all the same.
   *
   * <p>Its pages may be freed then, too: a queue is read only while it is enabled, and QIES clear
   * says that it is not any more (VT-d r4.1, "Invalidation Queue Head Register": hardware resets
   * the head whenever QIES is clear). Where QIES stays set nothing is freed. An answer to a wait
   * that was fetched before has had the whole of this wait, and of sync's, to be written.
   */
  private void awaitEmpty() {
    if (head == tail) {
      return;
    }
    Deadline deadline = registers.deadline();
    long end = registers.readAlive(IqtReg.LAYOUT, IqtReg.OFFSET);
    while (registers.readAlive(IqhReg.LAYOUT, IqhReg.OFFSET) != end) {
      long errors = registers.readAlive(FstsReg.LAYOUT, FstsReg.OFFSET) & ERRORS;
      if (errors != 0 || !deadline.pause()) {
        return;
      }
    }
  }

  @Override
  public void contextGlobal() {
    put(ContextCacheDescriptor.global(), 0);
  }

  @Override
  public void contextDevice(int domainId, int sourceId) {
    put(ContextCacheDescriptor.device(domainId, sourceId), 0);
  }

  @Override
  public void iotlbGlobal() {
    put(iotlb(Granularity.GLOBAL, 0), 0);
  }

  @Override
  public void iotlbDomain(int domainId) {
    put(iotlb(Granularity.DOMAIN, domainId), 0);
  }

  @Override
  public void iotlbPages(int domainId, long iova, int mask, boolean leavesOnly) {
    put(iotlb(Granularity.SELECTIVE, domainId), IotlbDescriptorHigh.of(iova, mask, leavesOnly));
  }

  @Override
  public void interruptGlobal() {
    put(InterruptEntryDescriptor.global(), 0);
  }

  @Override
  public void interruptEntries(int index, int mask) {
    put(InterruptEntryDescriptor.index(index, mask), 0);
  }

  private long iotlb(Granularity granularity, int domainId) {
    return IotlbDescriptorLow.of(granularity.code(), domainId, drainReads, drainWrites);
  }

  @Override
  public void sync() {
    sequence++;
    put(WaitDescriptorLow.statusWrite(sequence), status);
    submit();
    long expected = Integer.toUnsignedLong(sequence);
    Deadline deadline = registers.deadline();
    // The unit writes it: read anew each time, and before what the caller does with freed memory.
    while ((memory.readAcquire64(status) & 0xffff_ffffL) != expected) {
      checkErrors();
      if (!deadline.pause()) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                Locale.ROOT,
                "%s did not finish the invalidations up to IQT_REG 0x%x: the status word at 0x%x reads 0x%x and IQH_REG"
                    + " reads 0x%x after %d ms, expected the status 0x%x; the unit hangs: raise %s or"
                    + " restart the machine",
                registers.where(),
                tail * ENTRY_BYTES,
                status,
                memory.read(status, 4),
                registers.read(IqhReg.LAYOUT, IqhReg.OFFSET),
                deadline.waitedMillis(),
                expected,
                registers.timeoutTunable()));
      }
    }
    // All before the wait is done, so the queue is empty.
    head = tail;
  }

  /** Appends a descriptor; if the queue is full, lets the unit work first. */
  private void put(long low, long high) {
    if (next(tail) == head) {
      awaitRoom();
    }
    long at = queue + (long) tail * ENTRY_BYTES;
    memory.write64(at, low);
    memory.write64(at + 8, high);
    tail = next(tail);
  }

  private void awaitRoom() {
    submit();
    Deadline deadline = registers.deadline();
    while (true) {
      long raw = registers.read(IqhReg.LAYOUT, IqhReg.OFFSET);
      head = (int) (raw / ENTRY_BYTES) & (ENTRIES - 1);
      if (next(tail) != head) {
        return;
      }
      checkErrors();
      if (!deadline.pause()) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            String.format(
                Locale.ROOT,
                "%s takes nothing from its full invalidation queue: IQH_REG still reads 0x%x with IQT_REG 0x%x after %d"
                    + " ms, expected the head to move; the unit hangs: restart the machine",
                registers.where(),
                raw,
                tail * ENTRY_BYTES,
                deadline.waitedMillis()));
      }
    }
  }

  private void submit() {
    // The register write comes after the descriptors' stores for the unit: it is uncached.
    VarHandle.fullFence();
    registers.write(IqtReg.LAYOUT, IqtReg.OFFSET, (long) tail * ENTRY_BYTES);
  }

  private void checkErrors() {
    long raw = registers.readAlive(FstsReg.LAYOUT, FstsReg.OFFSET);
    if ((raw & ERRORS) == 0) {
      return;
    }
    IqercdReg record = new IqercdReg(registers.read(IqercdReg.LAYOUT, IqercdReg.OFFSET));
    long at = registers.read(IqhReg.LAYOUT, IqhReg.OFFSET);
    registers.write(FstsReg.LAYOUT, FstsReg.OFFSET, raw & ERRORS);
    throw new VmmException(
        Errno.EIO,
        String.format(
            Locale.ROOT,
            "%s stopped at the invalidation descriptor at queue offset 0x%x: %s, %s (%s), expected no error; restart the"
                + " I/O MMU, and report this with the machine's name",
            registers.where(),
            at,
            new FstsReg(raw),
            record,
            record.error().text()));
  }

  private static int next(int index) {
    return (index + 1) & (ENTRIES - 1);
  }
}
