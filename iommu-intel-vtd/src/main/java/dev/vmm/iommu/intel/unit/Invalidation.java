package dev.vmm.iommu.intel.unit;

/**
 * One of the two ways to tell a unit to forget what it cached. A request may be pending until
 * {@link #sync}; nothing is known to be forgotten before that returns.
 *
 * <p>Not thread-safe: the unit's lock is held. Every method may fail with EIO or ETIMEDOUT.
 */
interface Invalidation {
  /** Returns what it is called in messages. */
  String name();

  /** Makes the unit ready for requests. Translation is off. */
  void start();

  /** Ends the use and frees memory. Translation is off. */
  void stop();

  /** Forget every context entry. */
  void contextGlobal();

  /** Forget one function's context entry that was cached with {@code domainId}. */
  void contextDevice(int domainId, int sourceId);

  /** Forget every translation. */
  void iotlbGlobal();

  /** Forget every translation and paging entry of a domain. */
  void iotlbDomain(int domainId);

  /**
   * Forget {@code 2^mask} pages of a domain.
   *
   * @param iova the first, aligned to them
   * @param leavesOnly whether paging entries above the leaves may be kept
   */
  void iotlbPages(int domainId, long iova, int mask, boolean leavesOnly);

  /** Forget every interrupt entry. Only a queue can. */
  default void interruptGlobal() {
    throw new IllegalStateException(name() + " reaches no interrupt entries");
  }

  /**
   * Forget {@code 2^mask} interrupt entries. Only a queue can.
   *
   * @param index the first, a multiple of that
   */
  default void interruptEntries(int index, int mask) {
    throw new IllegalStateException(name() + " reaches no interrupt entries");
  }

  /** Returns when every request before was carried out. */
  void sync();
}
