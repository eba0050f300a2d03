package dev.vmm.iommu.support;

import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.pci.Rid;
import java.util.Locale;

/**
 * Entries next to each other in an interrupt table: whose they are, and which. What they say is the
 * subclass's. Thread-safe.
 */
public abstract class AbstractInterruptEntries implements InterruptEntries {
  private final String where;
  private final Rid source;
  private final int first;
  private final int count;

  /**
   * Those from {@code first} on.
   *
   * @param where the unit, for messages
   */
  protected AbstractInterruptEntries(String where, Rid source, int first, int count) {
    this.where = where;
    this.source = source;
    this.first = first;
    this.count = count;
  }

  @Override
  public final Rid source() {
    return source;
  }

  @Override
  public final int count() {
    return count;
  }

  /** Returns the index in the table of the first of them. */
  protected final int first() {
    return first;
  }

  /**
   * Returns the index in the table of one of them.
   *
   * @throws VmmException EINVAL if they have no such entry
   */
  protected final int entry(int index) {
    if (index < 0 || index >= count) {
      throw VmmException.invalid(
          "%s has no interrupt entry %d in %s: expected 0 to %d", source, index, where, count - 1);
    }
    return first + index;
  }

  /** Returns the failure of a change to entries that were given back, or whose unit was. */
  protected final VmmException closed() {
    return VmmException.invalid(
        "the interrupt entries of %s in %s are closed: expected them open; reserve others",
        source, where);
  }

  @Override
  public final String toString() {
    return String.format(
        Locale.ROOT,
        "interrupt entries 0x%x to 0x%x of %s in %s",
        first,
        first + count - 1,
        source,
        where);
  }
}
