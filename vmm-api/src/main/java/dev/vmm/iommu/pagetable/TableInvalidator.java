package dev.vmm.iommu.pagetable;

/**
 * What the engine tells the units after a change of a live table. Called once for each {@code map}
 * or {@code unmap}, with the table's lock held, after all stores of the change were made and, for
 * units that do not snoop, flushed from the CPU's caches.
 */
public interface TableInvalidator {
  /**
   * Entries in this range changed from not present to present; nothing that a unit could have used
   * was changed. Units that cache such entries, or that buffer writes, are told here.
   */
  void mapped(long iova, long lengthBytes);

  /**
   * Entries in this range were cleared or replaced. Returns when no unit can use the old ones any
   * more. The range may hold new entries too (a map that completed a superpage): what {@link
   * #mapped} does is done for them here.
   *
   * @param linksChanged whether a link to a table was cleared, made in a leaf's place, or replaced,
   *     not only leaves
   * @throws dev.vmm.VmmException if a unit did not confirm: the engine then never reuses the tables
   *     it cut off
   */
  void unmapped(long iova, long lengthBytes, boolean linksChanged);
}
