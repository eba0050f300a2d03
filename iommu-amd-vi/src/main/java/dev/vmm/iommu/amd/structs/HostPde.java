package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Page directory entry of a host table: a link to a lower table.
 *
 * <p>Source: AMD 48882 rev 3, "I/O Page Tables for Host Translations".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record HostPde(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("HOST_PDE")
          .bit("Ignored2", 63, RW)
          .bit("IW", 62, RW)
          .bit("IR", 61, RW)
          .rsvdz(60, 52)
          .field("NextTable", 51, 12, RW)
          .field("NextLevel", 11, 9, RW)
          .field("Ignored1", 8, 6, RW)
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

  /** The lower table, in pages. */
  public static final Field NEXT_TABLE = LAYOUT.field("NextTable");

  /** Level of the lower table, 1 to 6. */
  public static final Field NEXT_LEVEL = LAYOUT.field("NextLevel");

  /** Ignored. */
  public static final Field IGNORED1 = LAYOUT.field("Ignored1");

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
