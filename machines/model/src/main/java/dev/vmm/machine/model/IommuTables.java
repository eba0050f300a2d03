package dev.vmm.machine.model;

/** What the firmware's tables say of I/O MMUs, whatever there is. */
public enum IommuTables {
  /** The table that fits: DMAR or IVRS, or none on a machine without I/O MMU. */
  OWN,
  /** Nothing, as if the user had switched the I/O MMU off in the firmware's menus. */
  NONE,
  /** DMAR and IVRS: nothing answers where the table that does not fit has its unit. */
  BOTH,
  /** The table that fits, whose first structure says that it has a length of 0. */
  BROKEN
}
