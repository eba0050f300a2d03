package dev.vmm.machine.model.vtd;

import org.jspecify.annotations.Nullable;

/**
 * A cached translation of a run of addresses.
 *
 * @param sid the source whose walk made it
 * @param did the domain id that tags it
 * @param iova the first address, a multiple of its size
 * @param bits log2 of the size in bytes
 * @param hpa where it leads to
 * @param read whether reads may
 * @param write whether writes may
 * @param fpd whether faults are not recorded
 * @param reason not null for what is cached as blocked: reserved bits, or not present
 * @param source the table that the leaf entry is in, null in pass-through and if none is present
 */
record Translation(
    int sid,
    int did,
    long iova,
    int bits,
    long hpa,
    boolean read,
    boolean write,
    boolean fpd,
    @Nullable FaultReason reason,
    @Nullable TableRef source) {
  /** Returns the part of it at {@code from}, a run of {@code 2^width} bytes. */
  Translation part(long from, int width) {
    return new Translation(
        sid, did, from, width, hpa + (from - iova), read, write, fpd, reason, source);
  }

  /** Returns the same for another source of the domain, whose context entry has this FPD. */
  Translation of(int source16, boolean quiet) {
    return new Translation(source16, did, iova, bits, hpa, read, write, quiet, reason, source);
  }

  boolean identity() {
    return iova == hpa;
  }

  long last() {
    return iova + (1L << bits) - 1;
  }
}
