package dev.vmm.iommu.amd.regs;

import static dev.vmm.bits.AccessKind.RW;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;

/**
 * IOMMU Control Register: offset 0x0018, 64 bits.
 *
 * <p>Source: AMD 48882 rev 3, "IOMMU Control Register".
 *
 * <p>Immutable and thread-safe.
 *
 * @param raw the word
 */
public record ControlReg(long raw) {
  /** The offset in bytes. */
  public static final long OFFSET = 0x0018;

  /** Every bit of the word. */
  public static final Layout LAYOUT =
      Layout.of64("CONTROL")
          .field("SnpAvicEn", 63, 61, RW)
          .bit("GstBufferTrpMode", 60, RW)
          .bit("IrtCacheDis", 59, RW)
          .bit("Gcr3TrpMode", 58, RW)
          .rsvdz(57, 57)
          .bit("TmpmEn", 56, RW)
          .bit("GappiEn", 55, RW)
          .bit("GaUpdateDis", 54, RW)
          .bit("VIommuEn", 53, RW)
          .bit("VCmdEn", 52, RW)
          .bit("IntCapXtEn", 51, RW)
          .bit("XtEn", 50, RW)
          .rsvdz(49, 49)
          .bit("GdUpdateDis", 48, RW)
          .field("HadUpdate", 47, 46, RW)
          .bit("EphEn", 45, RW)
          .field("NumIntRemapMode", 44, 43, RW)
          .bit("PprAutoRspAon", 42, RW)
          .bit("BlkStopMrkEn", 41, RW)
          .bit("MarcEn", 40, RW)
          .bit("PprAutoRspEn", 39, RW)
          .field("PrivAbrtEn", 38, 37, RW)
          .field("DevTblSegEn", 36, 34, RW)
          .field("DualEventLogEn", 33, 32, RW)
          .field("DualPprLogEn", 31, 30, RW)
          .bit("GaIntEn", 29, RW)
          .bit("GaLogEn", 28, RW)
          .field("GamEn", 27, 25, RW)
          .bit("SmiFLogEn", 24, RW)
          .bit("SlfWbDis", 23, RW)
          .bit("SmiFEn", 22, RW)
          .field("Crw", 21, 18, RW)
          .bit("GaEn", 17, RW)
          .bit("GtEn", 16, RW)
          .bit("PprEn", 15, RW)
          .bit("PprIntEn", 14, RW)
          .bit("PprLogEn", 13, RW)
          .bit("CmdBufEn", 12, RW)
          .bit("Isoc", 11, RW)
          .bit("Coherent", 10, RW)
          .bit("ResPassPw", 9, RW)
          .bit("PassPw", 8, RW)
          .field("InvTimeOut", 7, 5, RW)
          .bit("ComWaitIntEn", 4, RW)
          .bit("EventIntEn", 3, RW)
          .bit("EventLogEn", 2, RW)
          .bit("HtTunEn", 1, RW)
          .bit("IommuEn", 0, RW)
          .build();

  /** SNP-aware guest virtual APIC enable. */
  public static final Field SNP_AVIC_EN = LAYOUT.field("SnpAvicEn");

  /** Guest buffer table root pointer mode. */
  public static final Field GST_BUFFER_TRP_MODE = LAYOUT.field("GstBufferTrpMode");

  /** Interrupt remapping table cache disable. */
  public static final Field IRT_CACHE_DIS = LAYOUT.field("IrtCacheDis");

  /** Guest CR3 table root pointer mode. */
  public static final Field GCR3_TRP_MODE = LAYOUT.field("Gcr3TrpMode");

  /** Tiered memory page migration enable. */
  public static final Field TMPM_EN = LAYOUT.field("TmpmEn");

  /** Guest APIC physical processor interrupt enable. */
  public static final Field GAPPI_EN = LAYOUT.field("GappiEn");

  /** Guest virtual APIC update disable. */
  public static final Field GA_UPDATE_DIS = LAYOUT.field("GaUpdateDis");

  /** Virtualized IOMMU enable. */
  public static final Field V_IOMMU_EN = LAYOUT.field("VIommuEn");

  /** Virtualized commands enable. */
  public static final Field V_CMD_EN = LAYOUT.field("VCmdEn");

  /** x2APIC interrupt messages of the unit itself. */
  public static final Field INT_CAP_XT_EN = LAYOUT.field("IntCapXtEn");

  /** x2APIC enable. */
  public static final Field XT_EN = LAYOUT.field("XtEn");

  /** Guest dirty bit update disable. */
  public static final Field GD_UPDATE_DIS = LAYOUT.field("GdUpdateDis");

  /** Host access and dirty bit update. */
  public static final Field HAD_UPDATE = LAYOUT.field("HadUpdate");

  /** Enhanced PPR handling enable. */
  public static final Field EPH_EN = LAYOUT.field("EphEn");

  /** How many interrupts a device may have remapped: 0 is 512, 1 is 2048. */
  public static final Field NUM_INT_REMAP_MODE = LAYOUT.field("NumIntRemapMode");

  /** PPR automatic response always on. */
  public static final Field PPR_AUTO_RSP_AON = LAYOUT.field("PprAutoRspAon");

  /** Block StopMark messages enable. */
  public static final Field BLK_STOP_MRK_EN = LAYOUT.field("BlkStopMrkEn");

  /** Memory access routing and control enable. */
  public static final Field MARC_EN = LAYOUT.field("MarcEn");

  /** PPR automatic response enable. */
  public static final Field PPR_AUTO_RSP_EN = LAYOUT.field("PprAutoRspEn");

  /** Privilege abort enable. */
  public static final Field PRIV_ABRT_EN = LAYOUT.field("PrivAbrtEn");

  /** Device table segmentation enable, log2 of segments. */
  public static final Field DEV_TBL_SEG_EN = LAYOUT.field("DevTblSegEn");

  /** Dual event log enable. */
  public static final Field DUAL_EVENT_LOG_EN = LAYOUT.field("DualEventLogEn");

  /** Dual PPR log enable. */
  public static final Field DUAL_PPR_LOG_EN = LAYOUT.field("DualPprLogEn");

  /** Guest virtual APIC interrupt enable. */
  public static final Field GA_INT_EN = LAYOUT.field("GaIntEn");

  /** Guest virtual APIC log enable. */
  public static final Field GA_LOG_EN = LAYOUT.field("GaLogEn");

  /** Guest virtual APIC mode enable. */
  public static final Field GAM_EN = LAYOUT.field("GamEn");

  /** SMI filter log enable. */
  public static final Field SMI_F_LOG_EN = LAYOUT.field("SmiFLogEn");

  /** Self write-back disable. */
  public static final Field SLF_WB_DIS = LAYOUT.field("SlfWbDis");

  /** SMI filter enable. */
  public static final Field SMI_F_EN = LAYOUT.field("SmiFEn");

  /** Reserved for hardware work-arounds. */
  public static final Field CRW = LAYOUT.field("Crw");

  /** Guest virtual APIC enable. */
  public static final Field GA_EN = LAYOUT.field("GaEn");

  /** Guest translation enable. */
  public static final Field GT_EN = LAYOUT.field("GtEn");

  /** Peripheral page requests enable. */
  public static final Field PPR_EN = LAYOUT.field("PprEn");

  /** PPR interrupt enable. */
  public static final Field PPR_INT_EN = LAYOUT.field("PprIntEn");

  /** PPR log enable. */
  public static final Field PPR_LOG_EN = LAYOUT.field("PprLogEn");

  /** Command buffer enable. */
  public static final Field CMD_BUF_EN = LAYOUT.field("CmdBufEn");

  /** Isochronous: the unit sets it in its own requests. */
  public static final Field ISOC = LAYOUT.field("Isoc");

  /** Coherent: device table reads snoop the processors caches. */
  public static final Field COHERENT = LAYOUT.field("Coherent");

  /** Response pass posted write. */
  public static final Field RES_PASS_PW = LAYOUT.field("ResPassPw");

  /** Pass posted write. */
  public static final Field PASS_PW = LAYOUT.field("PassPw");

  /** Invalidation time-out of device TLBs. */
  public static final Field INV_TIME_OUT = LAYOUT.field("InvTimeOut");

  /** Completion wait interrupt enable. */
  public static final Field COM_WAIT_INT_EN = LAYOUT.field("ComWaitIntEn");

  /** Event log interrupt enable. */
  public static final Field EVENT_INT_EN = LAYOUT.field("EventIntEn");

  /** Event log enable. */
  public static final Field EVENT_LOG_EN = LAYOUT.field("EventLogEn");

  /** HyperTransport tunnel translation enable. */
  public static final Field HT_TUN_EN = LAYOUT.field("HtTunEn");

  /** IOMMU enable: translation is on. */
  public static final Field IOMMU_EN = LAYOUT.field("IommuEn");

  /** Says whether IommuEn is set (translation is on). */
  public boolean iommuEn() {
    return IOMMU_EN.isSet(raw);
  }

  /** Says whether CmdBufEn is set (commands are taken). */
  public boolean cmdBufEn() {
    return CMD_BUF_EN.isSet(raw);
  }

  /** Says whether EventLogEn is set (events are written). */
  public boolean eventLogEn() {
    return EVENT_LOG_EN.isSet(raw);
  }

  @Override
  public String toString() {
    return LAYOUT.describe(raw);
  }
}
