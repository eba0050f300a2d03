package dev.vmm.machine.model.vtd;

/** Checks domain ids in invalidations. */
final class Domains {
  private Domains() {}

  /** Returns the bits of a domain id that the unit has. */
  static int checked(Chip chip, int did, String where) {
    int mask = (1 << chip.config().domainIdBits()) - 1;
    if ((did & ~mask) != 0) {
      chip.violation(
          VtdRule.DOMAIN_ID_BEYOND_ND,
          "%s names domain id 0x%x: the unit has %d bits",
          where,
          did,
          chip.config().domainIdBits());
    }
    return did & mask;
  }
}
