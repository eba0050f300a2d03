package dev.vmm.iommu.amd.inspect;

import java.util.Optional;

/**
 * Addresses of a device that mean something else than memory. Source: 48882 rev 3.10, "Special
 * Address Controls (GPA)".
 */
enum SpecialRange {
  /** Where a write is an interrupt. */
  INTERRUPT(0xfee, 0xfee, "interrupts"),
  /** What is left of HyperTransport's interrupt range. */
  RESERVED_INTERRUPT(0xfd000, 0xfdf7f, "reserved interrupt addresses"),
  /** Interrupts and their ends on HyperTransport. */
  HT_INTERRUPT(0xfdf80, 0xfdf8f, "HyperTransport interrupts"),
  /** The legacy interrupt controller's acknowledge. */
  INTERRUPT_ACKNOWLEDGE(0xfdf90, 0xfdf90, "interrupt acknowledge"),
  /** System management messages. */
  SYSTEM_MANAGEMENT(0xfdf91, 0xfdf91, "system management messages"),
  /** Nothing yet. */
  RESERVED(0xfdf92, 0xfdfaf, "reserved HyperTransport addresses"),
  /** Port I/O. */
  PORT_IO(0xfdfc0, 0xfdfdf, "port I/O"),
  /** Config space. */
  CONFIGURATION(0xfdfe0, 0xfe1ff, "configuration"),
  /** The last before 1 TiB. */
  RESERVED_ABOVE(0xfe200, 0xfffff, "reserved HyperTransport addresses");

  private final long firstMib;
  private final long lastMib;
  private final String text;

  SpecialRange(long firstMib, long lastMib, String text) {
    this.firstMib = firstMib;
    this.lastMib = lastMib;
    this.text = text;
  }

  String text() {
    return text;
  }

  boolean isInterrupt() {
    return this == INTERRUPT || this == HT_INTERRUPT;
  }

  static Optional<SpecialRange> of(long iova) {
    long mib = iova >>> 20;
    for (SpecialRange range : values()) {
      if (mib >= range.firstMib && mib <= range.lastMib) {
        return Optional.of(range);
      }
    }
    return Optional.empty();
  }
}
