package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Extended Feature 2 Register: offset 0x01a0, 64 bits. Firmware keeps an image of it in the
 * IVRS table.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Extended Feature 2 Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record Efr2Reg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x01a0;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EFR2")
          .rsvdz(63, 12)
          .bit("HTRangeIgnore", 11, RO)
          .rsvdz(10, 10)
          .field("NumIntRemapSup", 9, 8, RO)
          .field("SNPAVICSup", 7, 5, RO)
          .bit("GstBufferTRPModeSup", 4, RO)
          .bit("GCR3TRPModeSup", 3, RO)
          .bit("TMPMSup", 2, RO)
          .rsvdz(1, 0)
          .build();

  /** The HyperTransport range below 1 TiB is translated as memory. */
  public static final Field HT_RANGE_IGNORE = LAYOUT.field("HTRangeIgnore");

  /** How many interrupts a device may have remapped: 0 is 512, 1 is 2048. */
  public static final Field NUM_INT_REMAP_SUP = LAYOUT.field("NumIntRemapSup");

  /** Guest virtual APIC features with SNP. */
  public static final Field SNP_AVIC_SUP = LAYOUT.field("SNPAVICSup");

  /** Guest buffer table root pointer mode support. */
  public static final Field GST_BUFFER_TRP_MODE_SUP = LAYOUT.field("GstBufferTRPModeSup");

  /** GCR3 table root pointer mode support. */
  public static final Field GCR3_TRP_MODE_SUP = LAYOUT.field("GCR3TRPModeSup");

  /** Tiered memory page migration support. */
  public static final Field TMPM_SUP = LAYOUT.field("TMPMSup");

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
