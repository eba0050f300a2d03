package dev.vmm.iommu;

/**
 * What a new domain must be able to do.
 *
 * @param name for messages and dumps
 * @param lastIova the highest iova that it must reach, inclusive
 * @param home whether devices come home to it, as to the host domain and the blocked one: a move
 *     into it must not fail for want of a domain id, whatever other domains have taken since it was
 *     created. So an id is set aside for it on each unit that can walk its tables
 */
public record DomainSpec(String name, long lastIova, boolean home) {
  /** A domain that is no home. */
  public DomainSpec(String name, long lastIova) {
    this(name, lastIova, false);
  }
}
