package dev.vmm.iommu.amd.regs;

import dev.vmm.iommu.amd.structs.DteWord0;
import dev.vmm.testing.BookFieldsContract;
import java.util.Set;

/**
 * Every field of every register and structure where the book has it (48882 rev 3.10, "IOMMU MMIO
 * Registers", "IOMMU Data Structures", "Commands", "Event Logging")
 */
class BookFieldsTest extends BookFieldsContract {
  /** A word, its fields with their bits; what is not named is reserved. */
  private static final String BOOK =
      """
      CAP_HEADER: CapExt 28, EFRSup 27, NpCache 26, HtTunnel 25, IotlbSup 24, CapRev 23:19, CapType 18:16, CapPtr 15:8, \
      CapId 7:0
      CAP_BASE_LOW: BaseAddressLow 31:14, Enable 0
      CAP_BASE_HIGH: BaseAddressHigh 31:0
      DEV_TAB_BASE: DevTabBase 51:12, Size 8:0
      CMD_BUF_BASE: ComLen 59:56, ComBase 51:12
      EVENT_LOG_BASE: EventLen 59:56, EventBase 51:12
      CONTROL: SnpAvicEn 63:61, GstBufferTrpMode 60, IrtCacheDis 59, Gcr3TrpMode 58, TmpmEn 56, GappiEn 55, GaUpdateDis 54, \
      VIommuEn 53, VCmdEn 52, IntCapXtEn 51, XtEn 50, GdUpdateDis 48, HadUpdate 47:46, EphEn 45, NumIntRemapMode 44:43, \
      PprAutoRspAon 42, BlkStopMrkEn 41, MarcEn 40, PprAutoRspEn 39, PrivAbrtEn 38:37, DevTblSegEn 36:34, \
      DualEventLogEn 33:32, DualPprLogEn 31:30, GaIntEn 29, GaLogEn 28, GamEn 27:25, SmiFLogEn 24, SlfWbDis 23, SmiFEn 22, \
      Crw 21:18, GaEn 17, GtEn 16, PprEn 15, PprIntEn 14, PprLogEn 13, CmdBufEn 12, Isoc 11, Coherent 10, ResPassPw 9, \
      PassPw 8, InvTimeOut 7:5, ComWaitIntEn 4, EventIntEn 3, EventLogEn 2, HtTunEn 1, IommuEn 0
      EXCL_BASE: ExclBase 51:12, Allow 1, ExEn 0
      EXCL_LIMIT: ExclLimit 51:12
      EFR: SNPSup 63, ForcePhyDestSup 62, GAUpdateDisSup 61, VIommuSup 55, InvIotlbTypeSup 54, HDSup 52, AttrFWSup 51, EPHSup 50, HASup 49, \
      GIoSup 48, MsiCapMmioSup 46, PerfOptSup 45, BlkStopMrkSup 44, MarcSup 43:42, PPRAutoRspSup 41, PprOvrflwEarlySup 40, \
      DevTblSegSup 39:38, USSup 37, PASmax 36:32, SATSSup 31, DualEventLogSup 29:28, DualPprLogSup 25:24, GAMSup 23:21, SmiFRC 20:18, \
      SmiFSup 17:16, GLXSup 15:14, GATS 13:12, HATS 11:10, PCSup 9, HESup 8, GASup 7, IASup 6, GAPPISup 5, GTSup 4, NXSup 3, \
      XTSup 2, PPRSup 1, PreFSup 0
      EFR2: HTRangeIgnore 11, NumIntRemapSup 9:8, SNPAVICSup 7:5, GstBufferTRPModeSup 4, GCR3TRPModeSup 3, TMPMSup 2
      SMI_FILTER: SmiFLock 17, SmiDV 16, SmiDID 15:0
      PPR_LOG_BASE: PPRLogLen 59:56, PPRLogBase 51:12
      HW_EVENT_HIGH: EvCode 63:60, EvOpUpper 59:0
      HW_EVENT_LOW: EvOpLower 63:0
      HW_EVENT_STATUS: HEO 1, HEV 0
      GA_LOG_BASE: GALogLen 59:56, GALogBase 51:12
      GA_LOG_TAIL_ADDRESS: GALogTailAddr 51:3
      DEV_TAB_SEGMENT_BASE: DevTabBaseN 51:12, SizeN 8:0
      CMD_BUF_HEAD: CmdHdPtr 18:4
      CMD_BUF_TAIL: CmdTailPtr 18:4
      EVENT_LOG_HEAD: EventHdPtr 18:4
      EVENT_LOG_TAIL: EventTailPtr 18:4
      STATUS: PprOvrflwEarly 18, PprOvrflwEarlyB 17, EvtLogActive 16, EvtOverflowB 15, PprLogActive 12, PprOverflowB 11, \
      GaInt 10, GaLogOverflow 9, GaLogRun 8, PprLogRun 7, PprInt 6, PprOverflow 5, CmdBufRun 4, EventLogRun 3, ComWaitInt 2, \
      EventLogInt 1, EventOverflow 0
      PPR_LOG_HEAD: PPRHdPtr 18:4
      PPR_LOG_TAIL: PPRTailPtr 18:4
      GA_LOG_HEAD: GALHdPtr 15:3
      GA_LOG_TAIL: GALTailPtr 15:3
      DTE[63:0]: IW 62, IR 61, Gcr3Root0 60:58, GLX 57:56, GV 55, GIoV 54, GPRP 53, PPR 52, HostRoot 51:12, Mode 11:9, HAD 8:7, \
      TV 1, V 0
      DTE[127:64]: Gcr3Root2 63:43, SATS 42, SysMgt 41:40, EX 39, SD 38, Cache 37, IoCtl 36:35, SA 34, SE 33, I 32, \
      Gcr3Root1 31:16, DomainID 15:0
      DTE[191:128]: Lint1Pass 63, Lint0Pass 62, IntCtl 61:60, HPTMode 59, NMIPass 58, EIntPass 57, InitPass 56, GuestPagingMode 55:54, \
      IntTableRoot 51:6, IG 5, IntTabLen 4:1, IV 0
      DTE[255:192]: SnoopAttribute 63:56, Mode0FC 55, AttrV 54, Ignored 53, GuestID 47:32, GDeviceID 31:16, vImuEn 15
      IRTE: Vector 23:16, Destination 15:8, GuestMode 7, DM 6, RqEoi 5, IntType 4:2, SupIOPF 1, RemapEn 0
      IRTE[127:64]: DestinationHigh 63:56, Vector 7:0
      IRTE[63:0]: DestinationLow 31:8, GuestMode 7, DM 6, RqEoi 5, IntType 4:2, SupIOPF 1, RemapEn 0
      IRTE_GUEST[127:64]: DestinationHigh 63:56, GuestVApicRoot 51:12, Vector 7:0
      IRTE_GUEST[63:0]: GATag 63:32, DestinationLow 31:8, GuestMode 7, IsRun 6, GALogIntr 2, SupIOPF 1, RemapEn 0
      HOST_PDE: Ignored2 63, IW 62, IR 61, NextTable 51:12, NextLevel 11:9, Ignored1 8:6, A 5, Ignored0 4:1, PR 0
      HOST_PTE: Ignored2 63, IW 62, IR 61, FC 60, U 59, PageAddress 51:12, NextLevel 11:9, Ignored1 8:7, D 6, A 5, \
      Ignored0 4:1, PR 0
      COMPLETION_WAIT[63:0]: OpCode 63:60, StoreAddress 51:3, F 2, I 1, S 0
      COMPLETION_WAIT[127:64]: StoreData 63:0
      INVALIDATE_DEVTAB_ENTRY[63:0]: OpCode 63:60, DeviceID 15:0
      INVALIDATE_IOMMU_PAGES[63:0]: OpCode 63:60, DomainID 47:32, PASID 19:0
      INVALIDATE_IOMMU_PAGES[127:64]: Address 63:12, GN 2, PDE 1, S 0
      INVALIDATE_IOTLB_PAGES[63:0]: OpCode 63:60, Pasid2 59:56, Pasid0 55:48, QueueID 47:32, Maxpend 31:24, Pasid1 23:16, \
      DeviceID 15:0
      INVALIDATE_IOTLB_PAGES[127:64]: Address 63:12, Type 5:4, GN 2, S 0
      INVALIDATE_INTERRUPT_TABLE[63:0]: OpCode 63:60, DeviceID 15:0
      PREFETCH_IOMMU_PAGES[63:0]: OpCode 63:60, PASID 51:32, PFCount 31:24, DeviceID 15:0
      PREFETCH_IOMMU_PAGES[127:64]: Address 63:12, Inval 4, GN 2, S 0
      COMPLETE_PPR_REQUEST[63:0]: OpCode 63:60, PASID 51:32, DeviceID 15:0
      COMPLETE_PPR_REQUEST[127:64]: CompletionTag 47:32, GN 2
      INVALIDATE_IOMMU_ALL[63:0]: OpCode 63:60
      EVENT[63:0]: EventCode 63:60, Type 59:57, TR 56, RZ 55, PE 54, RW 53, PR 52, I 51, US 50, NX 49, GN 48, DomainID 47:32, \
      Reserved 31:20, PasidHigh 19:16, DeviceID 15:0
      """;

  BookFieldsTest() {
    super(BOOK, EfrReg.class, DteWord0.class);
  }

  /** See {@code StructuresTest}. */
  @Override
  protected Set<String> addresses() {
    return Set.of("HostRoot");
  }
}
