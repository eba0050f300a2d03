package dev.vmm.iommu.intel.unit;

import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.support.Poison;
import dev.vmm.iommu.support.UnitFlushes;
import dev.vmm.iommu.support.UnitRegisters;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What to flush, and how little of it. One invalidation without an answer ends all later ones.
 *
 * <p>Not thread-safe: the unit's lock is held.
 */
final class UnitCaches implements UnitFlushes {
  private static final Logger LOG = LoggerFactory.getLogger(UnitCaches.class);

  private final GlobalCommand command;
  private final Invalidation invalidation;
  private final boolean cachingMode;
  private final boolean writeBuffer;
  private final int maxMask;
  private final int maxInterruptMask;
  private final Poison poison;

  UnitCaches(
      UnitRegisters registers,
      GlobalCommand command,
      Invalidation invalidation,
      CapReg cap,
      EcapReg ecap) {
    this.command = command;
    this.invalidation = invalidation;
    this.cachingMode = cap.cm();
    this.writeBuffer = cap.rwbf();
    this.maxMask = cap.psi() ? cap.mamv() : -1;
    this.maxInterruptMask = ecap.mhmv();
    this.poison =
        new Poison(
            registers,
            failure ->
                LOG.error(
                    "{}: {} failed; no domain of this unit can be changed any more",
                    registers.where(),
                    invalidation.name(),
                    failure));
  }

  /** Fails with EIO if an invalidation was not confirmed before. */
  @Override
  public void check() {
    poison.check();
  }

  /**
   * Forgets everything, with translation off: heals a unit that did not answer before.
   *
   * @param interrupts whether that includes the entries of interrupts
   */
  void flushAll(boolean interrupts) {
    poison.heal();
    run(
        () -> {
          if (interrupts) {
            invalidation.interruptGlobal();
          }
          invalidation.contextGlobal();
          invalidation.sync();
          invalidation.iotlbGlobal();
          invalidation.sync();
        });
  }

  /**
   * Forgets a range of a domain, with one request: the smallest aligned power of two of pages that
   * covers it where the unit can, else the whole domain.
   */
  @Override
  public void flushRange(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
    check();
    long firstPage = iova >>> 12;
    long lastPage = (iova + lengthBytes - 1) >>> 12;
    int mask = Long.SIZE - Long.numberOfLeadingZeros(firstPage ^ lastPage);
    try {
      flushWriteBuffer();
      if (mask <= maxMask) {
        invalidation.iotlbPages(domainId, (firstPage >>> mask) << (mask + 12), mask, leavesOnly);
      } else {
        invalidation.iotlbDomain(domainId);
      }
      invalidation.sync();
    } catch (RuntimeException e) {
      throw poison.by(e);
    }
  }

  /** Lets nothing change any more, nor translation start: the tables hold nobody knows what. */
  void tablesInDoubt(RuntimeException e) {
    poison.forGood(e);
  }

  /** Makes new entries of a domain known where a unit would not see them by itself. */
  @Override
  public void published(int domainId, long iova, long lengthBytes) {
    check();
    if (cachingMode) {
      flushRange(domainId, iova, lengthBytes, false);
    } else if (writeBuffer) {
      run(() -> {});
    }
  }

  /** Says whether {@link #published} does anything; may be asked without the unit's lock. */
  @Override
  public boolean needsPublishing() {
    return cachingMode || writeBuffer || poison.isSet();
  }

  /**
   * Forgets context entries that were changed, then the translations of the domains they named.
   *
   * @param replaced whether an entry that was present, or the table that held one, was replaced
   * @param added the source ids whose entry was not present before
   * @param domainIds the domain ids of the entries that were replaced
   * @param newDomainId the domain id of the new entries
   */
  void contextChanged(boolean replaced, int[] added, int[] domainIds, int newDomainId) {
    check();
    boolean tellAdded = cachingMode && added.length > 0;
    if (!replaced && !tellAdded) {
      // Entries that were not present, on a unit that does not remember that.
      run(() -> {});
      return;
    }
    run(
        () -> {
          if (replaced) {
            // A root entry was replaced, not one context entry: only a global request covers what
            // a unit may hold of either, whatever domain id it tagged it with.
            invalidation.contextGlobal();
          } else {
            // Entries that were not present are cached with domain id 0.
            for (int sourceId : added) {
              invalidation.contextDevice(0, sourceId);
            }
          }
          invalidation.sync();
          // Translations follow, by the domain ids that the old entries named: a context entry
          // that was still cached would have brought them back.
          for (int domainId : domainIds) {
            invalidation.iotlbDomain(domainId);
          }
          if (tellAdded) {
            invalidation.iotlbDomain(newDomainId);
          }
          invalidation.sync();
        });
  }

  /**
   * Forgets interrupt entries that were changed.
   *
   * @param replaced whether one of them was present before
   */
  void interruptsChanged(boolean replaced, int first, int count) {
    check();
    run(
        () -> {
          if (!replaced && !cachingMode) {
            return; // What is not present is not remembered.
          }
          int last = first + count - 1;
          int mask = Integer.SIZE - Integer.numberOfLeadingZeros(first ^ last);
          if (mask <= maxInterruptMask) {
            invalidation.interruptEntries(first >>> mask << mask, mask);
          } else {
            invalidation.interruptGlobal();
          }
          invalidation.sync();
        });
  }

  private void run(Runnable requests) {
    try {
      flushWriteBuffer();
      requests.run();
    } catch (RuntimeException e) {
      throw poison.by(e);
    }
  }

  private void flushWriteBuffer() {
    if (writeBuffer) {
      command.flushWriteBuffer();
    }
  }
}
