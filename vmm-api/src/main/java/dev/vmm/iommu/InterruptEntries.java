package dev.vmm.iommu;

import dev.vmm.pci.Rid;

/**
 * Entries of the interrupt-remapping table that one function's messages go through.
 *
 * <p>Thread-safe. They do not follow the function from domain to domain by themselves: whoever
 * reserved them closes them when the function leaves.
 */
public interface InterruptEntries extends AutoCloseable {
  /** Returns the requester id that may use them. */
  Rid source();

  /** Returns how many there are. */
  int count();

  /**
   * Returns what the function must write to signal the interrupt of an entry. Those of one
   * allocation differ in the data only, which is one more for each next entry and, for the first, a
   * multiple of the power of two that {@link #count} needs: so MSI with several messages can use
   * them.
   *
   * @param index 0 to {@link #count} - 1
   */
  MsiMessage message(int index);

  /**
   * Lets an entry's messages through. When this returns, no unit knows what the entry was before.
   *
   * @param index 0 to {@link #count} - 1
   * @throws dev.vmm.VmmException EINVAL if the unit cannot reach the destination, or the entries
   *     are closed; EIO or ETIMEDOUT from the hardware: then the entry may be either
   */
  void route(int index, InterruptTarget target);

  /**
   * Blocks an entry's messages: the unit reports them as faults. When this returns no unit lets one
   * through any more.
   *
   * @param index 0 to {@link #count} - 1
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT from the hardware
   */
  void block(int index);

  /**
   * Blocks all entries and gives them back; they are used again only when every unit has confirmed
   * that it forgot them. Does nothing once it has succeeded. After the I/O MMU's close it only
   * forgets them.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT from the hardware: the entries are kept, blocked
   *     or not, and given to nobody else
   */
  @Override
  void close();
}
