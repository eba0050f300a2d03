package dev.vmm.iommu.amd.structs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * Device table entry, third word; bit 0 here is bit 128 of the entry.
 *
 * <p>Source: AMD 48882 rev 3, "Device Table Entry Format".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record DteWord2(long raw) {
  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("DTE[191:128]")
          .bit("Lint1Pass", 63, RW)
          .bit("Lint0Pass", 62, RW)
          .field("IntCtl", 61, 60, RW)
          .bit("HPTMode", 59, RW)
          .bit("NMIPass", 58, RW)
          .bit("EIntPass", 57, RW)
          .bit("InitPass", 56, RW)
          .field("GuestPagingMode", 55, 54, RW)
          .rsvdz(53, 52)
          .field("IntTableRoot", 51, 6, RW)
          .bit("IG", 5, RW)
          .field("IntTabLen", 4, 1, RW)
          .bit("IV", 0, RW)
          .build();

  /** Legacy LINT1 passed. */
  public static final Field LINT1_PASS = LAYOUT.field("Lint1Pass");

  /** Legacy LINT0 passed. */
  public static final Field LINT0_PASS = LAYOUT.field("Lint0Pass");

  /** Interrupts: 0 stopped, 1 passed unmapped, 2 remapped. */
  public static final Field INT_CTL = LAYOUT.field("IntCtl");

  /** Host page table mode with SNP. */
  public static final Field HPT_MODE = LAYOUT.field("HPTMode");

  /** NMI passed. */
  public static final Field NMI_PASS = LAYOUT.field("NMIPass");

  /** ExtInt passed. */
  public static final Field E_INT_PASS = LAYOUT.field("EIntPass");

  /** INIT passed. */
  public static final Field INIT_PASS = LAYOUT.field("InitPass");

  /** Levels of guest page tables: 0 is 4, 1 is 5. */
  public static final Field GUEST_PAGING_MODE = LAYOUT.field("GuestPagingMode");

  /** Interrupt table root, in 64 bytes. */
  public static final Field INT_TABLE_ROOT = LAYOUT.field("IntTableRoot");

  /** Ignore unmapped interrupts: no event. */
  public static final Field IG = LAYOUT.field("IG");

  /** Interrupt table length, log2 of entries. */
  public static final Field INT_TAB_LEN = LAYOUT.field("IntTabLen");

  /** Interrupt map valid. */
  public static final Field IV = LAYOUT.field("IV");

  /** Says whether interrupts are stopped, passed or remapped as the entry says; else all pass. */
  public boolean iv() {
    return IV.isSet(raw);
  }

  /** Returns the hpa of the interrupt table. */
  public long interruptTable() {
    return raw & INT_TABLE_ROOT.mask();
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
