package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Page translation entry of a host table: a page.
 *
 * <p>Source: AMD 48882 rev 3, "I/O Page Tables for Host Translations".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record HostPte(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("HOST_PTE")
          .bit("Ignored2", 63, RW)
          .bit("IW", 62, RW)
          .bit("IR", 61, RW)
          .bit("FC", 60, RW)
          .bit("U", 59, RW)
          .rsvdz(58, 52)
          .field("PageAddress", 51, 12, RW)
          .field("NextLevel", 11, 9, RW)
          .field("Ignored1", 8, 7, RW)
          .bit("D", 6, RW)
          .bit("A", 5, RW)
          .field("Ignored0", 4, 1, RW)
          .bit("PR", 0, RW)
          .build();

  /** Ignored. */
  public static final Field IGNORED2 = LAYOUT.field("Ignored2");

  /** Write permission. */
  public static final Field IW = LAYOUT.field("IW");

  /** Read permission. */
  public static final Field IR = LAYOUT.field("IR");

  /** Force coherent: the access snoops whatever the device says. */
  public static final Field FC = LAYOUT.field("FC");

  /** Untranslated attribute. */
  public static final Field U = LAYOUT.field("U");

  /** The page; with NextLevel 7 its low ones up to the first 0 give the size. */
  public static final Field PAGE_ADDRESS = LAYOUT.field("PageAddress");

  /** 0 for a page of the size of the level, 7 for another size. */
  public static final Field NEXT_LEVEL = LAYOUT.field("NextLevel");

  /** Ignored. */
  public static final Field IGNORED1 = LAYOUT.field("Ignored1");

  /** Dirty. */
  public static final Field D = LAYOUT.field("D");

  /** Accessed. */
  public static final Field A = LAYOUT.field("A");

  /** Ignored. */
  public static final Field IGNORED0 = LAYOUT.field("Ignored0");

  /** Present. */
  public static final Field PR = LAYOUT.field("PR");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
