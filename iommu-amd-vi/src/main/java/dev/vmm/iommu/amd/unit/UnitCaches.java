package dev.vmm.iommu.amd.unit;

import dev.vmm.VmmException;
import dev.vmm.iommu.amd.structs.InvalidateDevtabEntry;
import dev.vmm.iommu.amd.structs.InvalidateInterruptTable;
import dev.vmm.iommu.amd.structs.InvalidateIommuAll;
import dev.vmm.iommu.amd.structs.InvalidateIommuPages;
import dev.vmm.iommu.support.Poison;
import dev.vmm.iommu.support.UnitFlushes;
import dev.vmm.iommu.support.UnitRegisters;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What to forget, and how little of it. Each method returns when the unit has, or poisons the unit.
 *
 * <p>Device TLBs are never filled: no entry lets a device ask for translations. Not thread-safe:
 * the unit's lock is held.
 */
final class UnitCaches implements UnitFlushes {
  private static final Logger LOG = LoggerFactory.getLogger(UnitCaches.class);

  private final CommandBuffer commands;
  private final Poison poison;
  private final boolean notPresentCached;
  private final boolean invalidateAll;

  /**
   * Makes them.
   *
   * @param notPresentCached NpCache: entries that are not present are remembered too
   * @param invalidateAll IASup: there is one command for everything
   */
  UnitCaches(
      UnitRegisters registers,
      CommandBuffer commands,
      boolean notPresentCached,
      boolean invalidateAll) {
    this.commands = commands;
    this.notPresentCached = notPresentCached;
    this.invalidateAll = invalidateAll;
    this.poison =
        new Poison(
            registers,
            failure ->
                LOG.error(
                    "{}: a command failed; no domain of this unit can be changed any more",
                    registers.where(),
                    failure));
  }

  /** Fails with EIO if an invalidation was not confirmed before. */
  @Override
  public void check() {
    poison.check();
  }

  /** Says whether one was not confirmed. */
  boolean poisoned() {
    return poison.isSet();
  }

  /** Trusts the unit again, which is off and will be told to forget everything. */
  void heal() {
    poison.heal();
  }

  /** Poisons the unit in the middle of a change; returns what to throw. */
  VmmException inDoubt(RuntimeException e) {
    return poison.by(e);
  }

  /** Poisons it for good: the device table holds nobody knows what. */
  void tablesInDoubt(RuntimeException e) {
    poison.forGood(e);
  }

  /**
   * Forgets everything.
   *
   * @param interruptIds the ids that have interrupt tables; no entry leads to another's
   */
  void flushAll(List<Integer> interruptIds) {
    run(
        () -> {
          if (invalidateAll) {
            commands.put(InvalidateIommuAll.word(), 0);
            return;
          }
          for (int id = 0; id < DeviceTable.ENTRIES; id++) {
            commands.put(InvalidateDevtabEntry.of(id), 0);
          }
          // A device entry that was still cached would bring the translations back.
          commands.barrier();
          forgetInterrupts(interruptIds);
          for (int domainId = 0; domainId < DeviceTable.ENTRIES; domainId++) {
            forgetDomain(domainId);
          }
        });
  }

  /** Forgets a range of a domain, or more, with one command. */
  @Override
  public void flushRange(int domainId, long iova, long lengthBytes, boolean leavesOnly) {
    check();
    run(
        () ->
            commands.put(
                InvalidateIommuPages.of(domainId),
                PageRange.covering(iova, lengthBytes, !leavesOnly)));
  }

  /** Makes new entries of a domain known to a unit that remembers what was not present. */
  @Override
  public void published(int domainId, long iova, long lengthBytes) {
    check();
    if (notPresentCached) {
      flushRange(domainId, iova, lengthBytes, false);
    }
  }

  /** Says whether {@link #published} does anything; may be asked without the unit's lock. */
  @Override
  public boolean needsPublishing() {
    return notPresentCached || poison.isSet();
  }

  /**
   * Forgets device table entries, and then the entries of interrupt tables of some ids, and all
   * that is cached under some domain ids.
   */
  void entriesChanged(List<Integer> ids, List<Integer> interruptIds, int... domainIds) {
    run(
        () -> {
          ids.forEach(id -> commands.put(InvalidateDevtabEntry.of(id), 0));
          if (!ids.isEmpty() && (domainIds.length > 0 || !interruptIds.isEmpty())) {
            // Else an entry that is still cached could bring back what it led to.
            commands.barrier();
          }
          forgetInterrupts(interruptIds);
          for (int domainId : domainIds) {
            forgetDomain(domainId);
          }
        });
  }

  private void forgetInterrupts(List<Integer> ids) {
    ids.forEach(id -> commands.put(InvalidateInterruptTable.of(id), 0));
  }

  private void forgetDomain(int domainId) {
    commands.put(InvalidateIommuPages.of(domainId), PageRange.ALL);
  }

  private void run(Runnable requests) {
    try {
      requests.run();
      commands.sync();
    } catch (RuntimeException e) {
      throw poison.by(e);
    }
  }
}
