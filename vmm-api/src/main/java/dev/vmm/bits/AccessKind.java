package dev.vmm.bits;

/**
 * How software may access a field. Source: VT-d r4.1, "Register Descriptions", register attribute
 * table.
 */
public enum AccessKind {
  /** Read only. */
  RO,
  /** Read and write. */
  RW,
  /** Write only: a read returns 0. */
  WO,
  /** Read and write, 1 to clear. */
  RW1C,
  /** Write 1 to start an action; must be 0 in every other write. */
  ONE_SHOT,
  /** Reserved: software writes 0. */
  RSVDZ,
  /** Reserved: software writes back what it read. */
  RSVDP;

  /** Says whether the field is reserved. */
  public boolean reserved() {
    return this == RSVDZ || this == RSVDP;
  }
}
