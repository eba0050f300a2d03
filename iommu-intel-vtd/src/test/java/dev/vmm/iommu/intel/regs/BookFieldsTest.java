package dev.vmm.iommu.intel.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.intel.structs.RootEntryLow;
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
 * Every field of every register and structure where the book has it (VT-d r4.1, "Register
 * Descriptions", "Translation Structure Formats", "Queued Invalidation Interface"), and every
 * accessor against words with that field's bits alone and with all others.
 */
class BookFieldsTest {
  /** A word, its fields with their bits; what is not named is reserved. */
  private static final String BOOK =
      """
      VER_REG: MAX 7:4, MIN 3:0
      CAP_REG: ESRTPS 63, ESIRTPS 62, ECMDS 61, FS5LP 60, PI 59, FS1GP 56, DRD 55, DWD 54, MAMV 53:48, NFR 47:40, \
      PSI 39, SLLPS 37:34, FRO 33:24, ZLR 22, MGAW 21:16, SAGAW 12:8, CM 7, PHMR 6, PLMR 5, RWBF 4, AFL 3, ND 2:0
      ECAP_REG: RPRIVS 53, ADMS 52, PMS 51, RPS 49, SMPWCS 48, FSTS 47, SSTS 46, SSADS 45, VCS 44, SMTS 43, PDS 42, \
      DIT 41, PASID 40, PSS 39:35, EAFS 34, NWFS 33, SRS 31, ERS 30, PRS 29, DIS 27, NEST 26, MTS 25, MHMV 23:20, \
      IRO 17:8, SC 7, PT 6, EIM 4, IR 3, DT 2, QI 1, C 0
      GCMD_REG: TE 31, SRTP 30, SFL 29, EAFL 28, WBF 27, QIE 26, IRE 25, SIRTP 24, CFI 23
      GSTS_REG: TES 31, RTPS 30, FLS 29, AFLS 28, WBFS 27, QIES 26, IRES 25, IRTPS 24, CFIS 23
      RTADDR_REG: RTA 63:12, TTM 11:10
      CCMD_REG: ICC 63, CIRG 62:61, CAIG 60:59, FM 33:32, SID 31:16, DID 15:0
      FSTS_REG: FRI 15:8, ITE 6, ICE 5, IQE 4, APF 3, AFO 2, PPF 1, PFO 0
      FECTL_REG: IM 31, IP 30
      FEDATA_REG: EIMD 31:16, IMD 15:0
      FEADDR_REG: MA 31:2
      FEUADDR_REG: MUA 31:0
      AFLOG_REG: FLA 63:12, FLS 11:9
      PMEN_REG: EPM 31, PRS 0
      PLMBASE_REG: PLMB 31:0
      PLMLIMIT_REG: PLML 31:0
      PHMBASE_REG: PHMB 63:0
      PHMLIMIT_REG: PHML 63:0
      IQH_REG: QH 18:4
      IQT_REG: QT 18:4
      IQA_REG: IQA 63:12, DW 11, QS 2:0
      ICS_REG: IWC 0
      IECTL_REG: IM 31, IP 30
      IEDATA_REG: EIMD 31:16, IMD 15:0
      IEADDR_REG: MA 31:2
      IEUADDR_REG: MUA 31:0
      IQERCD_REG: ICESID 63:48, ITESID 47:32, IQEI 3:0
      IRTA_REG: IRTA 63:12, EIME 11, S 3:0
      PQH_REG: PQH 18:5
      PQT_REG: PQT 18:5
      PQA_REG: PQA 63:12, PQS 2:0
      PRS_REG: PRO 1, PPR 0
      PECTL_REG: IM 31, IP 30
      PEDATA_REG: EIMD 31:16, IMD 15:0
      PEADDR_REG: MA 31:2
      PEUADDR_REG: MUA 31:0
      MTRRCAP_REG: WC 10, FIX 8, VCNT 7:0
      MTRRDEF_REG: E 11, FE 10, TYPE 7:0
      IVA_REG: ADDR 63:12, IH 6, AM 5:0
      IOTLB_REG: IVT 63, IIRG 61:60, IAIG 58:57, DR 49, DW 48, DID 47:32
      FRCD_REG[63:0]: FI 63:12
      FRCD_REG[127:64]: F 63, T1 62, AT 61:60, PV 59:40, FR 39:32, PP 31, EXE 30, PRIV 29, T2 28, SID 15:0
      ROOT_ENTRY[63:0]: CTP 63:12, P 0
      ROOT_ENTRY[127:64]:
      CONTEXT_ENTRY[63:0]: SSPTPTR 63:12, TT 3:2, FPD 1, P 0
      CONTEXT_ENTRY[127:64]: DID 23:8, IGN 6:3, AW 2:0
      SM_ROOT_ENTRY[63:0]: LCTP 63:12, LP 0
      SM_ROOT_ENTRY[127:64]: UCTP 63:12, UP 0
      SM_CONTEXT_ENTRY[63:0]: PASIDDIRPTR 63:12, PDTS 11:9, PRE 4, PASIDE 3, DTE 2, FPD 1, P 0
      SM_CONTEXT_ENTRY[127:64]: RID_PRIV 20, RID_PASID 19:0
      SS_ENTRY: IGN63 63, TM 62, IGN61 61:52, ADDR 51:12, SNP 11, IGN10 10, D 9, A 8, PS 7, IPAT 6, EMT 5:3, X 2, W 1, R 0
      CC_INV_DSC[63:0]: FM 49:48, SID 47:32, DID 31:16, G 5:4, TYPE 3:0
      IOTLB_INV_DSC[63:0]: DID 31:16, DR 7, DW 6, G 5:4, TYPE 3:0
      IOTLB_INV_DSC[127:64]: ADDR 63:12, IH 6, AM 5:0
      DEV_TLB_INV_DSC[63:0]: PFSID_HIGH 63:52, SID 47:32, MIP 20:16, PFSID_LOW 15:12, TYPE 3:0
      DEV_TLB_INV_DSC[127:64]: ADDR 63:12, S 0
      IEC_INV_DSC[63:0]: IIDX 47:32, IM 31:27, G 4, TYPE 3:0
      INV_WAIT_DSC[63:0]: STDATA 63:32, PD 7, FN 6, SW 5, IF 4, TYPE 3:0
      INV_WAIT_DSC[127:64]: STADDR 63:2
      IRTE[63:0]: DST 63:32, V 23:16, IM 15, AVAIL 11:8, DLM 7:5, TM 4, RH 3, DM 2, FPD 1, P 0
      IRTE[127:64]: PDAH 63:32, SVT 19:18, SQ 17:16, SID 15:0
      IRTE_POSTED[63:0]: PDAL 63:38, VV 23:16, IM 15, URG 14, AVAIL 11:8, FPD 1, P 0
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
    addRecords(CapReg.class, all);
    addRecords(RootEntryLow.class, all);
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
        if (type.isRecord() && !name.contains("$")) {
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
      if (accessor == null) {
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
      // RID_PASID is ridPasid, and a mnemonic that is a word of the language has a _ behind it.
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
