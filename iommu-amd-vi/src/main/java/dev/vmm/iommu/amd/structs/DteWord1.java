package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device table entry, second word; bit 0 here is bit 64 of the entry.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Entry Format".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DteWord1(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DTE[127:64]")
          .field("Gcr3Root2", 63, 43, RW)
          .bit("SATS", 42, RW)
          .field("SysMgt", 41, 40, RW)
          .bit("EX", 39, RW)
          .bit("SD", 38, RW)
          .bit("Cache", 37, RW)
          .field("IoCtl", 36, 35, RW)
          .bit("SA", 34, RW)
          .bit("SE", 33, RW)
          .bit("I", 32, RW)
          .field("Gcr3Root1", 31, 16, RW)
          .field("DomainID", 15, 0, RW)
          .build();

  /** Guest CR3 table root, bits 51:31. */
  public static final Field GCR3_ROOT2 = LAYOUT.field("Gcr3Root2");

  /** Secure address translation services. */
  public static final Field SATS = LAYOUT.field("SATS");

  /**
   * System management messages: 0 stopped, 1 passed unless interrupts, 2 passed as interrupts only,
   * 3 translated.
   */
  public static final Field SYS_MGT = LAYOUT.field("SysMgt");

  /** Exclusion: the exclusion range is for this device. */
  public static final Field EX = LAYOUT.field("EX");

  /** Snoop disable, of page table reads. */
  public static final Field SD = LAYOUT.field("SD");

  /** Device TLB cache hint. */
  public static final Field CACHE = LAYOUT.field("Cache");

  /** Port I/O: 0 stopped, 1 passed, 2 translated. */
  public static final Field IO_CTL = LAYOUT.field("IoCtl");

  /** Suppress all page fault events. */
  public static final Field SA = LAYOUT.field("SA");

  /** Suppress all page fault events but the first. */
  public static final Field SE = LAYOUT.field("SE");

  /** Device TLB enable: the device may ask for translations. */
  public static final Field I = LAYOUT.field("I");

  /** Guest CR3 table root, bits 30:15. */
  public static final Field GCR3_ROOT1 = LAYOUT.field("Gcr3Root1");

  /** Domain ID. */
  public static final Field DOMAIN_ID = LAYOUT.field("DomainID");

  /** Returns the domain id. */
  public int domainId() {
    return (int) DOMAIN_ID.get(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
