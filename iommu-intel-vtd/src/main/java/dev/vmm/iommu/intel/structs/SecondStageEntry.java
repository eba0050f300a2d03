package dev.vmm.iommu.intel.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Second-stage paging entry, leaf or link, with the fields that legacy mode uses.
 *
 * <p>Source: VT-d r4.1, "Second-Stage Paging Entries".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record SecondStageEntry(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("SS_ENTRY")
          .bit("IGN63", 63, RW)
          .bit("TM", 62, RW)
          .field("IGN61", 61, 52, RW)
          .field("ADDR", 51, 12, RW)
          .bit("SNP", 11, RW)
          .bit("IGN10", 10, RW)
          .bit("D", 9, RW)
          .bit("A", 8, RW)
          .bit("PS", 7, RW)
          .bit("IPAT", 6, RW)
          .field("EMT", 5, 3, RW)
          .bit("X", 2, RW)
          .bit("W", 1, RW)
          .bit("R", 0, RW)
          .build();

  /** Ignored by hardware. */
  public static final Field IGN63 = LAYOUT.field("IGN63");

  /** Transient Mapping, revisions before 3.0; ignored. */
  public static final Field TM = LAYOUT.field("TM");

  /** Ignored by hardware. */
  public static final Field IGN61 = LAYOUT.field("IGN61");

  /** Address of table or page, in pages. */
  public static final Field ADDR = LAYOUT.field("ADDR");

  /** Snoop; leaves only. */
  public static final Field SNP = LAYOUT.field("SNP");

  /** Ignored by hardware. */
  public static final Field IGN10 = LAYOUT.field("IGN10");

  /** Dirty; scalable mode only. */
  public static final Field D = LAYOUT.field("D");

  /** Accessed; scalable mode only. */
  public static final Field A = LAYOUT.field("A");

  /** Page Size: a leaf above level 1. */
  public static final Field PS = LAYOUT.field("PS");

  /** Ignore PAT; scalable mode only. */
  public static final Field IPAT = LAYOUT.field("IPAT");

  /** Extended Memory Type; scalable mode only. */
  public static final Field EMT = LAYOUT.field("EMT");

  /** Execute; scalable mode only. */
  public static final Field X = LAYOUT.field("X");

  /** Write. */
  public static final Field W = LAYOUT.field("W");

  /** Read. */
  public static final Field R = LAYOUT.field("R");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
