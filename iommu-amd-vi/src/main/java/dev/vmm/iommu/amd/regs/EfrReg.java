package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RO;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Extended Feature Register: offset 0x0030, 64 bits. Firmware keeps an image of it in the
 * IVRS table.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Extended Feature Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record EfrReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0030;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("EFR")
          .bit("SNPSup", 63, RO)
          .bit("ForcePhyDestSup", 62, RO)
          .bit("GAUpdateDisSup", 61, RO)
          .rsvdz(60, 56)
          .bit("VIommuSup", 55, RO)
          .bit("InvIotlbTypeSup", 54, RO)
          .rsvdz(53, 53)
          .bit("HDSup", 52, RO)
          .bit("AttrFWSup", 51, RO)
          .bit("EPHSup", 50, RO)
          .bit("HASup", 49, RO)
          .bit("GIoSup", 48, RO)
          .rsvdz(47, 47)
          .bit("MsiCapMmioSup", 46, RO)
          .bit("PerfOptSup", 45, RO)
          .bit("BlkStopMrkSup", 44, RO)
          .field("MarcSup", 43, 42, RO)
          .bit("PPRAutoRspSup", 41, RO)
          .bit("PprOvrflwEarlySup", 40, RO)
          .field("DevTblSegSup", 39, 38, RO)
          .bit("USSup", 37, RO)
          .field("PASmax", 36, 32, RO)
          .bit("SATSSup", 31, RO)
          .rsvdz(30, 30)
          .field("DualEventLogSup", 29, 28, RO)
          .rsvdz(27, 26)
          .field("DualPprLogSup", 25, 24, RO)
          .field("GAMSup", 23, 21, RO)
          .field("SmiFRC", 20, 18, RO)
          .field("SmiFSup", 17, 16, RO)
          .field("GLXSup", 15, 14, RO)
          .field("GATS", 13, 12, RO)
          .field("HATS", 11, 10, RO)
          .bit("PCSup", 9, RO)
          .bit("HESup", 8, RO)
          .bit("GASup", 7, RO)
          .bit("IASup", 6, RO)
          .bit("GAPPISup", 5, RO)
          .bit("GTSup", 4, RO)
          .bit("NXSup", 3, RO)
          .bit("XTSup", 2, RO)
          .bit("PPRSup", 1, RO)
          .bit("PreFSup", 0, RO)
          .build();

  /** Secure nested paging support. */
  public static final Field SNP_SUP = LAYOUT.field("SNPSup");

  /** Force physical destination mode support. */
  public static final Field FORCE_PHY_DEST_SUP = LAYOUT.field("ForcePhyDestSup");

  /** Disabling of guest virtual APIC updates support. */
  public static final Field GA_UPDATE_DIS_SUP = LAYOUT.field("GAUpdateDisSup");

  /** Virtualized IOMMU support. */
  public static final Field V_IOMMU_SUP = LAYOUT.field("VIommuSup");

  /** Invalidate-IOTLB type support. */
  public static final Field INV_IOTLB_TYPE_SUP = LAYOUT.field("InvIotlbTypeSup");

  /** Host dirty bit support. */
  public static final Field HD_SUP = LAYOUT.field("HDSup");

  /** Attribute forwarding support. */
  public static final Field ATTR_FW_SUP = LAYOUT.field("AttrFWSup");

  /** Enhanced PPR handling support. */
  public static final Field EPH_SUP = LAYOUT.field("EPHSup");

  /** Host access bit support. */
  public static final Field HA_SUP = LAYOUT.field("HASup");

  /** Guest I/O protection support. */
  public static final Field G_IO_SUP = LAYOUT.field("GIoSup");

  /** MSI capability in MMIO support. */
  public static final Field MSI_CAP_MMIO_SUP = LAYOUT.field("MsiCapMmioSup");

  /** Performance optimization support. */
  public static final Field PERF_OPT_SUP = LAYOUT.field("PerfOptSup");

  /** Blocking of StopMark messages support. */
  public static final Field BLK_STOP_MRK_SUP = LAYOUT.field("BlkStopMrkSup");

  /** Memory access routing and control support. */
  public static final Field MARC_SUP = LAYOUT.field("MarcSup");

  /** PPR automatic response support. */
  public static final Field PPR_AUTO_RSP_SUP = LAYOUT.field("PPRAutoRspSup");

  /** Early PPR overflow indication support. */
  public static final Field PPR_OVRFLW_EARLY_SUP = LAYOUT.field("PprOvrflwEarlySup");

  /** Device table segments, log2 of the most. */
  public static final Field DEV_TBL_SEG_SUP = LAYOUT.field("DevTblSegSup");

  /** User and supervisor page protection support. */
  public static final Field US_SUP = LAYOUT.field("USSup");

  /** PASIDs have this many bits and one. */
  public static final Field PA_SMAX = LAYOUT.field("PASmax");

  /** Secure address translation services support. */
  public static final Field SATS_SUP = LAYOUT.field("SATSSup");

  /** Dual event log support. */
  public static final Field DUAL_EVENT_LOG_SUP = LAYOUT.field("DualEventLogSup");

  /** Dual PPR log support. */
  public static final Field DUAL_PPR_LOG_SUP = LAYOUT.field("DualPprLogSup");

  /** Guest virtual APIC modes. */
  public static final Field GAM_SUP = LAYOUT.field("GAMSup");

  /** SMI filter registers, log2. */
  public static final Field SMI_FRC = LAYOUT.field("SmiFRC");

  /** SMI filter support. */
  public static final Field SMI_F_SUP = LAYOUT.field("SmiFSup");

  /** Levels of guest CR3 tables. */
  public static final Field GLX_SUP = LAYOUT.field("GLXSup");

  /** Guest address translation size: 4 levels and this many more. */
  public static final Field GATS = LAYOUT.field("GATS");

  /** Host address translation size: 4 levels and this many more; 3 means none. */
  public static final Field HATS = LAYOUT.field("HATS");

  /** Performance counters support. */
  public static final Field PC_SUP = LAYOUT.field("PCSup");

  /** Hardware error registers support. */
  public static final Field HE_SUP = LAYOUT.field("HESup");

  /** Guest virtual APIC support. */
  public static final Field GA_SUP = LAYOUT.field("GASup");

  /** INVALIDATE_IOMMU_ALL support. */
  public static final Field IA_SUP = LAYOUT.field("IASup");

  /** Guest APIC physical processor interrupt support. */
  public static final Field GAPPI_SUP = LAYOUT.field("GAPPISup");

  /** Guest translation support. */
  public static final Field GT_SUP = LAYOUT.field("GTSup");

  /** No-execute protection support. */
  public static final Field NX_SUP = LAYOUT.field("NXSup");

  /** x2APIC support. */
  public static final Field XT_SUP = LAYOUT.field("XTSup");

  /** Peripheral page requests support. */
  public static final Field PPR_SUP = LAYOUT.field("PPRSup");

  /** Prefetch support. */
  public static final Field PRE_F_SUP = LAYOUT.field("PreFSup");

  /** Returns HATS: the levels of host tables less 4, 3 for none. */
  public int hats() {
    return (int) HATS.get(raw);
  }

  /** Says whether INVALIDATE_IOMMU_ALL is a command of this unit. */
  public boolean iaSup() {
    return IA_SUP.isSet(raw);
  }

  /** Says whether there are peripheral page requests, and their log. */
  public boolean pprSup() {
    return PPR_SUP.isSet(raw);
  }

  /** Says whether there is a guest virtual APIC, and its log. */
  public boolean gaSup() {
    return GA_SUP.isSet(raw);
  }

  /** Says whether there are hardware error registers. */
  public boolean heSup() {
    return HE_SUP.isSet(raw);
  }

  /** Says whether guest tables can be walked. */
  public boolean gtSup() {
    return GT_SUP.isSet(raw);
  }

  /** Says whether the unit knows secure nested paging. */
  public boolean snpSup() {
    return SNP_SUP.isSet(raw);
  }

  /** Returns log2 of the most device table segments. */
  public int devTblSegSup() {
    return (int) DEV_TBL_SEG_SUP.get(raw);
  }

  /** Returns how many SMI filter registers there are, 0 to 16: SmiFSup, and SmiFRC, its log2. */
  public int smiFilters() {
    return SMI_F_SUP.get(raw) == 1 ? 1 << Math.min(4, SMI_FRC.get(raw)) : 0;
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
