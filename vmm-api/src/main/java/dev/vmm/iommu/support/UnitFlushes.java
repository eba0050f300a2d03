package dev.vmm.iommu.support;

import dev.vmm.VmmException;

/**
 * What a unit is told to forget, by its book. Called with the unit's lock held, while it may
 * translate, but for {@link #needsPublishing}.
 */
public interface UnitFlushes {
  /**
   * Expects that every invalidation was confirmed; see {@link Poison#check}.
   *
   * @throws VmmException EIO
   */
  void check();

  /**
   * Returns when the unit has forgotten a range of a domain.
   *
   * @param leavesOnly whether only leaves were changed there
   * @throws VmmException EIO or ETIMEDOUT
   */
  void flushRange(int domainId, long iova, long lengthBytes, boolean leavesOnly);

  /**
   * Makes new entries known to a unit that would not see them by itself.
   *
   * @throws VmmException EIO or ETIMEDOUT
   */
  void published(int domainId, long iova, long lengthBytes);

  /** Says whether {@link #published} does anything, or would fail; may be asked by any thread. */
  boolean needsPublishing();
}
