package dev.vmm.iommu.intel.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayNameGeneration;
import org.junit.jupiter.api.DisplayNameGenerator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every register against literal facts of the book. */
@DisplayNameGeneration(DisplayNameGenerator.ReplaceUnderscores.class)
class RegisterLayoutTest {
  /** A unit with everything optional, so that every register is in the list. */
  private static final CapReg ALL_CAPS = new CapReg(-1L);

  private static final EcapReg ALL_ECAPS = new EcapReg(-1L);

  static Stream<VtdRegisters.Register> registers() {
    return VtdRegisters.of(ALL_CAPS, ALL_ECAPS).stream();
  }

  @ParameterizedTest
  @MethodSource("registers")
  void fieldsTileTheWordAndKeepOtherBits(VtdRegisters.Register register) {
    Layout layout = register.layout();
    long all = -1L >>> (64 - layout.widthBits());
    long seen = 0;
    for (Field field : layout.fields()) {
      assertThat(seen & field.mask()).as(field.name()).isZero();
      seen |= field.mask();
      assertThat(field.set(all, 0)).as(field.name()).isEqualTo(all & ~field.mask());
      assertThat(field.set(0, field.max())).as(field.name()).isEqualTo(field.mask());
    }
    assertThat(seen).isEqualTo(all);
  }

  @Test
  void noTwoRegistersShareAByteOrAName() {
    Set<Long> bytes = new HashSet<>();
    Set<String> names = new HashSet<>();
    // Real units have IRO and FRO outside the fixed registers; these are QEMU's.
    CapReg cap = new CapReg(0x00d2008c22260206L | 0x78L);
    EcapReg ecap = new EcapReg(0xf00f4aL | 1L << 29 | 1L << 25);
    for (VtdRegisters.Register register : VtdRegisters.of(cap, ecap)) {
      assertThat(register.offset() % register.widthBytes()).isZero();
      assertThat(names.add(register.layout().name())).as(register.toString()).isTrue();
      for (long at = register.offset(); at < register.end(); at++) {
        assertThat(bytes.add(at)).as(register.toString()).isTrue();
      }
    }
    assertThat(names).hasSize(42);
  }

  /** Offsets and widths as the book's table "Register Location" gives them. */
  @ParameterizedTest
  @CsvSource({
    "VER_REG,0,32",
    "CAP_REG,8,64",
    "ECAP_REG,10,64",
    "GCMD_REG,18,32",
    "GSTS_REG,1c,32",
    "RTADDR_REG,20,64",
    "CCMD_REG,28,64",
    "FSTS_REG,34,32",
    "FECTL_REG,38,32",
    "FEDATA_REG,3c,32",
    "FEADDR_REG,40,32",
    "FEUADDR_REG,44,32",
    "AFLOG_REG,58,64",
    "PMEN_REG,64,32",
    "PLMBASE_REG,68,32",
    "PLMLIMIT_REG,6c,32",
    "PHMBASE_REG,70,64",
    "PHMLIMIT_REG,78,64",
    "IQH_REG,80,64",
    "IQT_REG,88,64",
    "IQA_REG,90,64",
    "ICS_REG,9c,32",
    "IECTL_REG,a0,32",
    "IEDATA_REG,a4,32",
    "IEADDR_REG,a8,32",
    "IEUADDR_REG,ac,32",
    "IQERCD_REG,b0,64",
    "IRTA_REG,b8,64",
    "PQH_REG,c0,64",
    "PQT_REG,c8,64",
    "PQA_REG,d0,64",
    "PRS_REG,dc,32",
    "PECTL_REG,e0,32",
    "PEDATA_REG,e4,32",
    "PEADDR_REG,e8,32",
    "PEUADDR_REG,ec,32",
    "MTRRCAP_REG,100,64",
    "MTRRDEF_REG,108,64",
    "IVA_REG,3ff0,64",
    "IOTLB_REG,3ff8,64"
  })
  void registerIsWhereTheBookPutsIt(String name, String offset, int widthBits) {
    VtdRegisters.Register register =
        registers().filter(r -> r.layout().name().equals(name)).findFirst().orElseThrow();
    assertThat(register.offset()).isEqualTo(Long.parseLong(offset, 16));
    assertThat(register.layout().widthBits()).isEqualTo(widthBits);
  }

  @Test
  void qemusCapReadsAsTheBookSays() {
    CapReg cap = new CapReg(0x00d2008c22260206L);
    assertThat(cap.numDomains().domains()).isEqualTo(65536);
    assertThat(cap.sagaw()).isEqualTo(0b00010);
    assertThat(cap.guestAddressBits()).isEqualTo(39);
    assertThat(cap.pageSizes()).isEqualTo(0x40201000L);
    assertThat(cap.faultRecordingOffset()).isEqualTo(0x220);
    assertThat(cap.faultRecordingRegisters()).isEqualTo(1);
    assertThat(cap.psi()).isTrue();
    assertThat(cap.mamv()).isEqualTo(18);
    assertThat(cap.drd()).isTrue();
    assertThat(cap.dwd()).isTrue();
    assertThat(cap.cm()).isFalse();
    assertThat(cap.rwbf()).isFalse();
    assertThat(cap.plmr() || cap.phmr()).isFalse();
    assertThat(CapReg.ZLR.isSet(cap.raw())).isFalse();
    assertThat(CapReg.ESRTPS.isSet(cap.raw())).isFalse();
  }

  @Test
  void qemusEcapReadsAsTheBookSays() {
    EcapReg ecap = new EcapReg(0xf00f4aL);
    assertThat(ecap.ivaOffset()).isEqualTo(0xf0);
    assertThat(ecap.qi()).isTrue();
    assertThat(ecap.ir()).isTrue();
    assertThat(EcapReg.EIM.isSet(ecap.raw())).isFalse();
    assertThat(EcapReg.PT.isSet(ecap.raw())).isTrue();
    assertThat(ecap.sc()).isFalse();
    assertThat(ecap.c()).isFalse();
    assertThat(EcapReg.MHMV.get(ecap.raw())).isEqualTo(15);
    assertThat(ecap.smts()).isFalse();
  }

  @Test
  void commandBitsThatStayOnAreThoseOfTheStatusLessItsOneShots() {
    assertThat(GstsReg.persistentCommands(0xffffffffL)).isEqualTo(0x96800000L);
    assertThat(GcmdReg.LAYOUT.maskOf(dev.vmm.bits.AccessKind.ONE_SHOT)).isEqualTo(0x69000000L);
  }

  @Test
  void faultRecordOfAnUnmappedWriteReadsAsTheBookSays() {
    FrcdHighReg high = new FrcdHighReg(0x8000000500000008L);
    assertThat(high.f()).isTrue();
    assertThat(high.fr()).isEqualTo(5);
    assertThat(high.sid()).isEqualTo(8);
    assertThat(high.type()).isEqualTo(FaultType.WRITE);
    assertThat(new FrcdHighReg(0xc000000600000008L).type()).isEqualTo(FaultType.READ);
    assertThat(new FrcdHighReg(0xc000000610000008L).type()).isEqualTo(FaultType.ATOMIC);
    assertThat(new FrcdLowReg(0x7abcL).address()).isEqualTo(0x7000);
  }

  @ParameterizedTest
  @CsvSource({
    "1,P is clear in the root entry",
    "5,a paging entry does not permit the write",
    "6,a paging entry does not permit the read",
    "38,the interrupt source-id was not the one expected",
    "121,scalable mode: a second-stage paging entry does not permit the access",
    "255,unknown reason 0xff",
    "15,unknown reason 0xf"
  })
  void faultReasonsHaveNamesAndUnknownOnesKeepTheirNumber(int code, String text) {
    assertThat(FaultReason.describe(code)).isEqualTo(text);
  }

  @ParameterizedTest
  @CsvSource({"0,16", "1,64", "2,256", "3,1024", "4,4096", "5,16384", "6,65536", "7,0"})
  void numberOfDomainsIsCodedInPowersOfFour(int nd, int domains) {
    assertThat(new CapReg(nd).numDomains().domains()).isEqualTo(domains);
  }

  @Test
  void textIsWhatDmardumpPrints() {
    assertThat(new GstsReg(0xc4000000L).toString())
        .isEqualTo("GSTS_REG 0xc4000000 {TES RTPS QIES}");
    assertThat(new RtaddrReg(0x12345400L).mode()).isEqualTo(TranslationTableMode.SCALABLE);
    assertThat(new RtaddrReg(0x12345400L).rootTable()).isEqualTo(0x12345000L);
  }
}
