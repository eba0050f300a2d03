package dev.vmm.pci;

/**
 * Capability ids. Source: PCI Code and ID Assignment 1.16, "Capability IDs" and "Extended
 * Capability IDs".
 */
public final class PciCapability {
  /** PCI power management. */
  public static final int POWER_MANAGEMENT = 0x01;

  /** Message signalled interrupts. */
  public static final int MSI = 0x05;

  /** PCI Express. */
  public static final int PCI_EXPRESS = 0x10;

  /** Extended message signalled interrupts. */
  public static final int MSI_X = 0x11;

  /** Conventional PCI advanced features: function level reset without PCI Express. */
  public static final int ADVANCED_FEATURES = 0x13;

  /** Extended: access control services. */
  public static final int EXT_ACS = 0x000d;

  /** Extended: address translation services. */
  public static final int EXT_ATS = 0x000f;

  /** Extended: single root I/O virtualization. */
  public static final int EXT_SRIOV = 0x0010;

  private PciCapability() {}
}
