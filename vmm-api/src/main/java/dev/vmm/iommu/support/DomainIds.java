package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.BitSet;
import java.util.Locale;

/**
 * The domain ids of one unit. Id 0 is never given out: VT-d units with caching mode tag entries
 * that are not present with it, and AMD units those of devices without one. A freed id comes back
 * as late as possible.
 *
 * <p>Not thread-safe: the unit's lock is held.
 */
public final class DomainIds {
  private final String where;
  private final int count;
  private final BitSet used = new BitSet();
  private int next = 1;

  /**
   * Ids 1 to {@code count - 1}, all free.
   *
   * @param where the unit, for messages
   */
  public DomainIds(String where, int count) {
    this.where = where;
    this.count = count;
  }

  /**
   * Takes a free id.
   *
   * @throws VmmException ENOSPC if there is none
   */
  public int allocate() {
    int id = used.nextClearBit(next);
    if (id >= count) {
      id = used.nextClearBit(1);
    }
    if (id >= count) {
      throw new VmmException(
          Errno.ENOSPC,
          String.format(
              Locale.ROOT,
              "%s has no domain id left: expected a free one of its %d; close a domain that no device is in",
              where,
              count - 1));
    }
    used.set(id);
    next = id + 1;
    return id;
  }

  /** Gives an id back, of which the unit has forgotten everything. */
  public void free(int id) {
    used.clear(id);
  }
}
