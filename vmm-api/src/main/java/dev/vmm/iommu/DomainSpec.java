package dev.vmm.iommu;

/**
 * What a new domain must be able to do.
 *
 * @param name for messages and dumps
 * @param lastIova the highest iova that it must reach, inclusive
 * @param home whether devices come home to it, as to the host domain and the blocked one: a move
 *     into it must not fail for want of a domain id, whatever other domains have taken since it was
 *     created. So an id is set aside for it on each unit that can walk its tables
 * @param forwardsInterrupts whether the messages of its devices pass as they are written, as the
 *     host's may. Else, where the I/O MMU has {@link InterruptRemapping}, they pass only through
 *     entries reserved there. Hardware that cannot tell devices apart here remaps all
 */
public record DomainSpec(String name, long lastIova, boolean home, boolean forwardsInterrupts) {
  /** A home or not, whose devices' messages are remapped. */
  public DomainSpec(String name, long lastIova, boolean home) {
    this(name, lastIova, home, false);
  }

  /** A domain that is no home. */
  public DomainSpec(String name, long lastIova) {
    this(name, lastIova, false);
  }
}
