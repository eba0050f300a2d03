package dev.vmm.iommu.amd.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.structs.DteWord0;
import dev.vmm.iommu.amd.structs.Event;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every field of every register and structure where the book has it (48882 rev 3.10, "IOMMU MMIO
 * Registers", "IOMMU Data Structures", "Commands", "Event Logging"), and every accessor against
 * words with that field's bits alone and with all others.
 */
class BookFieldsTest {
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
      VIommuEn 53, VCmdEn 52, IntCapXtEn 51, XtEn 50, GdUpdateDis 48, HadUpdate 47:46, EphEn 45, DomainIdPne 43, \
      PprAutoRspAon 42, BlkStopMrkEn 41, MarcEn 40, PprAutoRspEn 39, PrivAbrtEn 38:37, DevTblSegEn 36:34, \
      DualEventLogEn 33:32, DualPprLogEn 31:30, GaIntEn 29, GaLogEn 28, GamEn 27:25, SmiFLogEn 24, SlfWbDis 23, SmiFEn 22, \
      Crw 21:18, GaEn 17, GtEn 16, PprEn 15, PprIntEn 14, PprLogEn 13, CmdBufEn 12, Isoc 11, Coherent 10, ResPassPw 9, \
      PassPw 8, InvTimeOut 7:5, ComWaitIntEn 4, EventIntEn 3, EventLogEn 2, HtTunEn 1, IommuEn 0
      EXCL_BASE: ExclBase 51:12, Allow 1, ExEn 0
      EXCL_LIMIT: ExclLimit 51:12
      EFR: SNPSup 63, ForcePhyDestSup 62, GAUpdateDisSup 61, InvIotlbTypeSup 54, HDSup 52, AttrFWSup 51, EPHSup 50, HASup 49, \
      GIoSup 48, MsiCapMmioSup 46, PerfOptSup 45, BlkStopMrkSup 44, MarcSup 43:42, PPRAutoRspSup 41, PprOvrflwEarlySup 40, \
      DevTblSegSup 39:38, USSup 37, PASmax 36:32, DualEventLogSup 29:28, DualPprLogSup 25:24, GAMSup 23:21, SmiFRC 20:18, \
      SmiFSup 17:16, GLXSup 15:14, GATS 13:12, HATS 11:10, PCSup 9, HESup 8, GASup 7, IASup 6, GAPPISup 5, GTSup 4, NXSup 3, \
      XTSup 2, PPRSup 1, PreFSup 0
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
      STATUS: PprOvrflwEarlyB 18, PprOvrflwEarly 17, EvtLogActive 16, EvtOverflowB 15, PprLogActive 12, PprOverflowB 11, \
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
      DTE[191:128]: Lint1Pass 63, Lint0Pass 62, IntCtl 61:60, HPTMode 59, NMIPass 58, EIntPass 57, InitPass 56, \
      IntTableRoot 51:6, IG 5, IntTabLen 4:1, IV 0
      DTE[255:192]: SnoopAttribute 63:56, Mode0FC 55, AttrV 54
      IRTE: Vector 23:16, Destination 15:8, GuestMode 7, DM 6, RqEoi 5, IntType 4:2, SupIOPF 1, RemapEn 0
      IRTE[127:64]: DestinationHigh 63:56, Vector 7:0
      IRTE[63:0]: DestinationLow 31:8, GuestMode 7, DM 6, RqEoi 5, IntType 4:2, SupIOPF 1, RemapEn 0
      IRTE_GUEST[127:64]: DestinationHigh 63:56, GuestVApicRoot 51:12, Vector 7:0
      IRTE_GUEST[63:0]: GATag 63:32, DestinationLow 31:8, GuestMode 7, IsRun 6, GALogIntr 2, SupIOPF 1, RemapEn 0
      HOST_PDE: Ignored2 63, IW 62, IR 61, NextTable 51:12, NextLevel 11:9, Ignored1 8:6, A 5, Ignored0 4:1, PR 0
      HOST_PTE: Ignored2 63, IW 62, IR 61, FC 60, U 59, PageAddress 51:12, NextLevel 11:9, Ignored1 8:7, D 6, A 5, \
      Ignored0 4:1, PR 0
      COMPLETION_WAIT[63:0]: OpCode 63:60, StoreAddress 51:3, F 2, I 1, S 0
      INVALIDATE_DEVTAB_ENTRY[63:0]: OpCode 63:60, DeviceID 15:0
      INVALIDATE_IOMMU_PAGES[63:0]: OpCode 63:60, DomainID 47:32, PASID 19:0
      INVALIDATE_IOMMU_PAGES[127:64]: Address 63:12, GN 2, PDE 1, S 0
      INVALIDATE_IOTLB_PAGES[63:0]: OpCode 63:60, Pasid2 59:56, Pasid0 55:48, QueueID 47:32, Maxpend 31:24, Pasid1 23:16, \
      DeviceID 15:0
      INVALIDATE_INTERRUPT_TABLE[63:0]: OpCode 63:60, DeviceID 15:0
      PREFETCH_IOMMU_PAGES[63:0]: OpCode 63:60, PASID 51:32, PFCount 31:24, DeviceID 15:0
      COMPLETE_PPR_REQUEST[63:0]: OpCode 63:60, PASID 51:32, DeviceID 15:0
      INVALIDATE_IOMMU_ALL[63:0]: OpCode 63:60
      EVENT[63:0]: EventCode 63:60, Type 59:57, TR 56, RZ 55, PE 54, RW 53, PR 52, I 51, US 50, NX 49, GN 48, DomainID 47:32, \
      Reserved 31:20, PasidHigh 19:16, DeviceID 15:0
      """;

  /** The words of the book by name: their fields' bits, {@code high:low} or one number. */
  private static Map<String, Map<String, String>> book() {
    Map<String, Map<String, String>> words = new TreeMap<>();
    for (String line : BOOK.lines().toList()) {
      int colon = line.contains("]") ? line.indexOf("]") + 1 : line.indexOf(":");
      Map<String, String> fields = new LinkedHashMap<>();
      for (String field : line.substring(colon + 1).split(",", -1)) {
        if (!field.isBlank()) {
          String[] nameAndBits = field.strip().split(" ", -1);
          fields.put(nameAndBits[0], nameAndBits[1]);
        }
      }
      assertThat(words.put(line.substring(0, colon), fields)).as(line).isNull();
    }
    return words;
  }

  /** Every record of one word, by its layout's name. */
  private static Map<String, Class<?>> ours() throws Exception {
    Map<String, Class<?>> all = new TreeMap<>();
    addRecords(EfrReg.class, all);
    addRecords(DteWord0.class, all);
    return all;
  }

  private static void addRecords(Class<?> neighbour, Map<String, Class<?>> all)
      throws IOException, URISyntaxException, ReflectiveOperationException {
    Path folder =
        Path.of(
                Objects.requireNonNull(neighbour.getResource(neighbour.getSimpleName() + ".class"))
                    .toURI())
            .getParent();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.class")) {
      for (Path file : files) {
        String name = file.getFileName().toString().replace(".class", "");
        Class<?> type = Class.forName(neighbour.getPackageName() + "." + name);
        if (type.isRecord() && !name.contains("$") && type != Event.class) {
          assertThat(all.put(layout(type).name(), type)).as(name).isNull();
        }
      }
    }
  }

  private static Layout layout(Class<?> type) throws ReflectiveOperationException {
    return (Layout) type.getField("LAYOUT").get(null);
  }

  static Stream<Class<?>> words() throws Exception {
    return ours().values().stream();
  }

  @Test
  void everyWordOfTheBookIsThereAndNoOther() throws Exception {
    assertThat(ours().keySet()).isEqualTo(book().keySet());
  }

  @ParameterizedTest
  @MethodSource("words")
  void fieldsAreWhereTheBookHasThem(Class<?> type) throws Exception {
    Map<String, String> found = new LinkedHashMap<>();
    for (Field field : layout(type).fields()) {
      if (!field.access().reserved()) {
        found.put(
            field.name(),
            field.width() == 1 ? "" + field.high() : field.high() + ":" + field.low());
      }
    }
    assertThat(found).isEqualTo(book().get(layout(type).name()));
  }

  @ParameterizedTest
  @MethodSource("words")
  void everyAccessorReadsItsFieldAlone(Class<?> type) throws Exception {
    long all = -1L >>> (64 - layout(type).widthBits());
    for (Map.Entry<String, String> field : book().get(layout(type).name()).entrySet()) {
      Method accessor = accessor(type, field.getKey());
      if (accessor == null || field.getKey().equals("HostRoot")) { // an address: StructuresTest
        continue;
      }
      String[] bits = field.getValue().split(":", -1);
      int low = Integer.parseInt(bits[bits.length - 1]);
      long max = -1L >>> (63 - Integer.parseInt(bits[0]) + low);
      assertThat(read(type, accessor, max << low)).as(field.getKey()).isEqualTo(max);
      assertThat(read(type, accessor, all & ~(max << low))).as(field.getKey()).isZero();
    }
  }

  private static Method accessor(Class<?> type, String field) {
    for (Method method : type.getDeclaredMethods()) {
      // A mnemonic that is a word of the language has a _ behind it.
      if (method.getParameterCount() == 0
          && method.getName().replace("_", "").equalsIgnoreCase(field.replace("_", ""))) {
        return method;
      }
    }
    return null;
  }

  private static long read(Class<?> type, Method accessor, long raw) throws Exception {
    Object value = accessor.invoke(type.getConstructor(long.class).newInstance(raw));
    return value instanceof Boolean set ? (set ? 1 : 0) : ((Number) value).longValue();
  }
}
