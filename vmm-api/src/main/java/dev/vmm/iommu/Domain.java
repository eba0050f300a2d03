package dev.vmm.iommu;

import java.util.Optional;

/**
 * An address space of devices.
 *
 * <p>Thread-safe: maps and unmaps of one domain follow each other. Addresses and lengths are in
 * bytes and multiples of 4096.
 */
public interface Domain extends AutoCloseable {
  /** Returns the name given at creation, such as {@code host} or {@code vm:guest1}. */
  String name();

  /** Returns the highest iova that can be mapped, inclusive. */
  long lastIova();

  /**
   * Maps {@code [iova, iova + lengthBytes)} to {@code [hpa, hpa + lengthBytes)} with the largest
   * pages that fit. All or nothing: after a failure no part of the range is mapped that was not
   * before.
   *
   * @throws dev.vmm.VmmException EINVAL if an argument is unaligned, empty, overflows or exceeds
   *     {@link #lastIova()} or the width of host addresses, or if any page of the range is mapped
   *     already; ENOMEM if no page for a table is free; EIO or ETIMEDOUT if a unit does not take
   *     the change: the entries are cleared, but a device may still reach the pages, and they must
   *     not be reused
   */
  void map(long iova, long hpa, long lengthBytes, Access access);

  /**
   * Unmaps exactly this range; holes in it are passed over. When this returns no device can reach
   * the pages through this domain any more: every cache is flushed.
   *
   * @return whether anything was mapped in the range
   * @throws dev.vmm.VmmException EINVAL as for {@link #map}; ENOMEM if a large page must be split
   *     and no page for a table is free (nothing is changed then); EIO or ETIMEDOUT if a unit did
   *     not confirm the flush: the entries are cleared, but a device may still reach the pages, and
   *     they must not be reused
   */
  boolean unmap(long iova, long lengthBytes);

  /**
   * Returns where a device's access to {@code iova} would go, by the tables in memory; empty if
   * nowhere.
   */
  Optional<Translation> translate(long iova);

  /**
   * Returns the page-table entry at which a device's access to {@code iova} ends, by the tables in
   * memory as they are now: for the report of a fault. Holds up no change of the tables; what is
   * changed meanwhile may be seen half-done.
   *
   * @return empty if the tables permit the access, if they are not even asked for such an address,
   *     or if the back end does not tell
   */
  default Optional<WalkStep> whereItFails(long iova, Access access) {
    return Optional.empty();
  }

  /**
   * Returns the pages of {@link dev.vmm.machine.PhysicalMemory#PAGE_BYTES} bytes that hold this
   * domain's tables.
   */
  long tablePages();

  /**
   * Frees the domain's tables and ids after the last flush. Does nothing the second time. After
   * {@link Iommu#close} no unit knows the tables: there is nothing to flush, and nobody is in it.
   *
   * @throws dev.vmm.VmmException EBUSY, naming them, if requester ids are still in it; EIO or
   *     ETIMEDOUT if a unit did not confirm the flush: then the tables are kept for good
   */
  @Override
  void close();
}
