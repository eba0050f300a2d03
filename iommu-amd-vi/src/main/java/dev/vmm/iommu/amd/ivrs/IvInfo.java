package dev.vmm.iommu.amd.ivrs;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IVinfo: what is common to all I/O MMUs of the machine.
 *
 * <p>Source: AMD 48882 rev 3.x, "IVRS IVinfo Field".
 *
 * @param raw 32 bits
 */
public record IvInfo(long raw) {
  /** The bits. */
  public static final Layout LAYOUT =
      Layout.of32("IVinfo")
          .rsvdz(31, 23)
          .bit("HtAtsResv", 22, AccessKind.RO)
          .field("VASize", 21, 15, AccessKind.RO)
          .field("PASize", 14, 8, AccessKind.RO)
          .field("GVASize", 7, 5, AccessKind.RO)
          .rsvdz(4, 2)
          .bit("DmaRemapSup", 1, AccessKind.RO)
          .bit("EFRSup", 0, AccessKind.RO)
          .build();

  private static final Field HT_ATS_RESV = LAYOUT.field("HtAtsResv");
  private static final Field VA_SIZE = LAYOUT.field("VASize");
  private static final Field PA_SIZE = LAYOUT.field("PASize");
  private static final Field GVA_SIZE = LAYOUT.field("GVASize");
  private static final Field DMA_REMAP_SUP = LAYOUT.field("DmaRemapSup");
  private static final Field EFR_SUP = LAYOUT.field("EFRSup");

  /** Says whether the address range for ATS translation responses is reserved (HtAtsResv). */
  public boolean htAtsResv() {
    return HT_ATS_RESV.isSet(raw);
  }

  /** Returns the largest virtual address in bits (VASize): 32, 40, 48 or 64; as the table says. */
  public int vaSize() {
    return (int) VA_SIZE.get(raw);
  }

  /** Returns the largest physical address in bits (PASize): 40, 48 or 52; as the table says. */
  public int paSize() {
    return (int) PA_SIZE.get(raw);
  }

  /** Returns the code of the largest guest virtual address (GVASize): 2 is 48 bits. */
  public int gvaSize() {
    return (int) GVA_SIZE.get(raw);
  }

  /** Says whether firmware supports DMA protection before the system starts (DmaRemapSup). */
  public boolean dmaRemapSup() {
    return DMA_REMAP_SUP.isSet(raw);
  }

  /** Says whether the units have an extended feature register (EFRSup). */
  public boolean efrSup() {
    return EFR_SUP.isSet(raw);
  }

  /** Returns the fields in words. */
  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
