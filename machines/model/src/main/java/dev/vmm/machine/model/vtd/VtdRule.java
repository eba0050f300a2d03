package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.check.Rule;

/** What the book forbids software to do to a unit. VT-d r4.1; the section's title is in quotes. */
public enum VtdRule implements Rule {
  /** GCMD written again before GSTS showed the last command. */
  COMMAND_BEFORE_COMPLETION("wait for GSTS before the next command: \"Global Command Register\""),
  /** One write of GCMD changes more than one thing. */
  SEVERAL_COMMANDS("one change for each write: \"Global Command Register\""),
  /** GCMD asks for what CAP and ECAP do not offer. */
  UNSUPPORTED_COMMAND("only what CAP and ECAP offer: \"Global Command Register\""),
  /** TE set before SRTP gave the unit a root table. */
  TRANSLATION_WITHOUT_ROOT_TABLE(
      "set the root table pointer before enabling: \"Global Command Register\", TE and SRTP"),
  /** TE set and the caches not flushed since SRTP. */
  ROOT_TABLE_NOT_FLUSHED(
      "after SRTP invalidate the context cache, then the IOTLB, globally: \"Global Command Register\", SRTP"),
  /** IRE set before SIRTP gave the unit a table. */
  INTERRUPT_REMAPPING_WITHOUT_TABLE(
      "set the interrupt remapping table pointer first: \"Global Command Register\", IRE"),
  /** IRE set and the interrupt entry cache not flushed since SIRTP. */
  INTERRUPT_TABLE_NOT_FLUSHED(
      "after SIRTP invalidate the interrupt entry cache globally: \"Global Command Register\", SIRTP"),
  /** An access of a width or alignment that a register does not take. */
  ACCESS_WIDTH(
      "32-bit registers by 32 bits, 64-bit ones by 64 or two of 32: \"Register Location\" and \"Software Access to Registers\""),
  /** A write where no register is. */
  RESERVED_REGISTER("do not write reserved registers: \"Software Access to Registers\""),
  /** A read-only register written. */
  READ_ONLY_WRITTEN("read-only registers are not written: \"Register Attributes\""),
  /** A write-only register read. */
  WRITE_ONLY_READ("what a write-only register reads is undefined: \"Register Attributes\""),
  /** A reserved field written with something else than zero. */
  RESERVED_BITS("reserved fields are written as zero or as read: \"Register Attributes\""),
  /** CCMD, IVA or IOTLB used while ICC or IVT, in either register, shows one under way. */
  INVALIDATION_BEFORE_COMPLETION(
      "one invalidation at a time, the next when ICC and IVT are clear: \"Context Command Register\" and \"IOTLB Invalidate Register\""),
  /** CCMD or IOTLB used while the queue is on. */
  REGISTER_INVALIDATION_WITH_QUEUE(
      "no register-based invalidation with QIE set: \"Queued Invalidation Interface\""),
  /** An invalidation of a granularity that does not exist or that the unit has not. */
  INVALIDATION_GRANULARITY(
      "granularities are as listed, page-selective only with CAP.PSI: \"IOTLB Invalidate Register\""),
  /** A domain id beyond CAP.ND. */
  DOMAIN_ID_BEYOND_ND("domain ids have as many bits as CAP.ND says: \"Capability Register\", ND"),
  /** An address mask beyond CAP.MAMV. */
  ADDRESS_MASK_BEYOND_MAMV("AM is at most CAP.MAMV: \"Invalidate Address Register\""),
  /** QIE set while a register-based invalidation is under way. */
  QUEUE_ENABLED_WHILE_INVALIDATING(
      "complete register-based invalidations first: \"Queued Invalidation Interface\""),
  /** QIE set while IQT is not zero. */
  QUEUE_ENABLED_WITH_TAIL("IQT is zero when QIE is set: \"Queued Invalidation Interface\""),
  /** IQA written while the queue is on. */
  QUEUE_MOVED_WHILE_ENABLED(
      "IQA is fixed while QIE is set: \"Invalidation Queue Address Register\""),
  /** QIE cleared before the queue was worked off. */
  QUEUE_DISABLED_WHILE_BUSY(
      "head and tail are equal when QIE is cleared: \"Queued Invalidation Interface\""),
  /** The tail caught up with the head. */
  QUEUE_OVERRUN(
      "descriptors not yet fetched are not overwritten: \"Queued Invalidation Interface\""),
  /** A descriptor, or a tail, that stops the queue. */
  QUEUE_ERROR("descriptors are well-formed: \"Invalidation Queue Errors\""),
  /** The queue's memory freed while the queue is on. */
  QUEUE_FREED("the queue stays where it is while QIE is set: \"Queued Invalidation Interface\""),
  /**
   * One half of a root, context or interrupt entry changed while the unit may be fetching the
   * other.
   */
  TORN_ENTRY(
      "clear P, invalidate, then change the rest: \"Guidance to Software for Invalidations\""),
  /** A root, context or interrupt entry made present again while the old one is still cached. */
  ENTRY_REUSED_BEFORE_INVALIDATION(
      "clear P, invalidate, then reuse the entry: \"Guidance to Software for Invalidations\""),
  /** A table that the unit knows written by something else than one store of 64 bits. */
  PARTIAL_STORE("an entry changes by one 64-bit store: \"Guidance to Software for Invalidations\""),
  /** A table that the unit walks and that was never made visible to it. */
  STALE_TABLE(
      "without ECAP.C flush a table's lines before an entry leads to it: \"Extended Capability Register\", C"),
  /**
   * A table freed while a cache, or a pointer that the unit has taken over, still leads to it. The
   * pointer also with translation off: the next one to turn it on need not set it again.
   */
  TABLE_FREED(
      "free a table after the invalidation that makes the unit forget it: \"Guidance to Software for Invalidations\""),
  /** Memory freed while the IOTLB still translates to it. */
  TARGET_FREED(
      "free memory after the invalidation of its translations: \"Guidance to Software for Invalidations\""),
  /** Two context entries with one domain id and different tables. */
  DOMAIN_ID_AMBIGUOUS("entries of one domain id lead to the same tables: \"Context Entry\", DID"),
  /** A context entry with domain id 0 under CM. */
  DOMAIN_ID_ZERO("under CM domain id 0 is the hardware's: \"Caching Mode\""),
  /** A translation to the addresses of interrupts. */
  INTERRUPT_RANGE_TARGET(
      "do not translate to 0xFEExxxxx: \"Handling Requests to Interrupt Address Range\"");

  private final String book;

  VtdRule(String book) {
    this.book = book;
  }

  @Override
  public String book() {
    return "VT-d r4.1: " + book;
  }
}
