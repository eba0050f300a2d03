package dev.vmm.iommu.support;

import dev.vmm.VmmException;

/**
 * The move of some source ids of one unit into one domain, as a transaction: made ready by {@link
 * RemappingUnit#move}, then {@link #apply}, then {@link #finish} or {@link #undo}. One that is not
 * applied ends with {@link #cancel}.
 *
 * <p>Not thread-safe; moves of one unit follow each other.
 */
public interface UnitMove {
  /**
   * Makes the unit use the new entries and forget the old ones, with the translations of the domain
   * ids that the old ones named. Before and after each store the unit sees a whole entry, the old
   * or the new.
   *
   * @throws VmmException EIO or ETIMEDOUT: {@link #undo} then
   */
  void apply();

  /**
   * Ends a move that was applied: frees what the unit has forgotten.
   *
   * @throws VmmException EIO if the machine does not take it back; the move is made all the same
   */
  void finish();

  /**
   * Ends a move that was not applied.
   *
   * @throws VmmException EIO if the machine does not take back what it took; the unit saw none of
   *     it all the same
   */
  void cancel();

  /**
   * Puts the old entries back, after {@link #apply} was called, whether it failed or not.
   *
   * @return whether the unit has confirmed that it has forgotten the new ones; if not, what they
   *     lead to and the domain id are kept for good. It throws nothing: other units are to be
   *     undone too
   */
  boolean undo();
}
