package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.dma.InterruptMessage;

/**
 * An entry of an interrupt remapping table, 32 bits: RemapEn 0, SupIOPF 1, IntType 4:2, RqEoi 5, DM
 * 6, GuestMode 7, Destination 15:8, Vector 23:16. Source: 48882 rev 3, "Interrupt Remapping Tables,
 * Guest Virtual APIC Not Enabled".
 */
record Irte(int raw) {
  static final int BYTES = 4;

  /** Bits 31:24, and GuestMode, which there is not without GAEn. */
  private static final int RESERVED = 0xff00_0080;

  /** Fixed is 0, arbitrated 1. */
  private static final int LAST_TYPE = 1;

  boolean remapEnabled() {
    return (raw & 1) != 0;
  }

  /** SupIOPF: what the entry stops is not told. */
  boolean suppressed() {
    return (raw & 2) != 0;
  }

  /** Says whether something is set that may not be, of an entry that is enabled. */
  boolean illegal() {
    return (raw & RESERVED) != 0 || type() > LAST_TYPE;
  }

  InterruptMessage message() {
    return InterruptMessage.to(
        raw >>> 8 & 0xff,
        (raw & 1 << 6) != 0,
        type() == 1,
        type(),
        (raw & 1 << 5) != 0,
        raw >>> 16 & 0xff);
  }

  private int type() {
    return raw >>> 2 & 7;
  }
}
