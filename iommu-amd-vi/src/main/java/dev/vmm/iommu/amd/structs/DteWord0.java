package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device table entry, first word.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Entry Format".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DteWord0(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DTE[63:0]")
          .rsvdz(63, 63)
          .bit("IW", 62, RW)
          .bit("IR", 61, RW)
          .field("Gcr3Root0", 60, 58, RW)
          .field("GLX", 57, 56, RW)
          .bit("GV", 55, RW)
          .bit("GIoV", 54, RW)
          .bit("GPRP", 53, RW)
          .bit("PPR", 52, RW)
          .field("HostRoot", 51, 12, RW)
          .field("Mode", 11, 9, RW)
          .field("HAD", 8, 7, RW)
          .rsvdz(6, 2)
          .bit("TV", 1, RW)
          .bit("V", 0, RW)
          .build();

  /** Write permission. */
  public static final Field IW = LAYOUT.field("IW");

  /** Read permission. */
  public static final Field IR = LAYOUT.field("IR");

  /** Guest CR3 table root, bits 14:12. */
  public static final Field GCR3_ROOT0 = LAYOUT.field("Gcr3Root0");

  /** Guest levels. */
  public static final Field GLX = LAYOUT.field("GLX");

  /** Guest translation valid. */
  public static final Field GV = LAYOUT.field("GV");

  /** Guest I/O protection valid. */
  public static final Field G_IO_V = LAYOUT.field("GIoV");

  /** Guest PPR response with PASID. */
  public static final Field GPRP = LAYOUT.field("GPRP");

  /** Peripheral page requests enabled. */
  public static final Field PPR = LAYOUT.field("PPR");

  /** Host page table root, in pages. */
  public static final Field HOST_ROOT = LAYOUT.field("HostRoot");

  /** Paging mode: levels of host tables, 0 for none. */
  public static final Field MODE = LAYOUT.field("Mode");

  /** Host access and dirty bits. */
  public static final Field HAD = LAYOUT.field("HAD");

  /** Translation information valid. */
  public static final Field TV = LAYOUT.field("TV");

  /** Valid: an entry that is not lets all pass. */
  public static final Field V = LAYOUT.field("V");

  /** A valid entry without tables and without rights: everything is stopped. */
  public static final long BLOCKED = V.mask() | TV.mask();

  /**
   * Returns the word of an entry that translates, with all rights that the tables give.
   *
   * @param levels of its host tables, 1 to 6
   * @param root the hpa of the top table
   */
  public static long translated(int levels, long root) {
    return BLOCKED | MODE.set(0, levels) | (root & HOST_ROOT.mask()) | IR.mask() | IW.mask();
  }

  /** Says whether the entry is valid; one that is not lets all pass untranslated. */
  public boolean v() {
    return V.isSet(raw);
  }

  /** Says whether what it says of translation is valid. */
  public boolean tv() {
    return TV.isSet(raw);
  }

  /** Returns the levels of its host tables, 0 for none, 7 reserved. */
  public int mode() {
    return (int) MODE.get(raw);
  }

  /** Says whether reads are permitted. */
  public boolean ir() {
    return IR.isSet(raw);
  }

  /** Says whether writes are permitted. */
  public boolean iw() {
    return IW.isSet(raw);
  }

  /** Says whether guest tables are used. */
  public boolean gv() {
    return GV.isSet(raw);
  }

  /** Returns the hpa of the top host table. */
  public long hostRoot() {
    return raw & HOST_ROOT.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
