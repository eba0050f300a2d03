package dev.vmm.machine.model.vtd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VtdRegisterTest {
  private final Rig rig = new Rig(VtdConfig.qemuLike());

  @Test
  void capabilitiesAreThoseOfQemu() {
    assertThat(rig.r32(0x0)).isEqualTo(0x10);
    assertThat(rig.r64(0x8)).isEqualTo(0x00d2008c22260206L);
    assertThat(rig.r64(0x10)).isEqualTo(0xf00f4aL);
    rig.clean();
  }

  @Test
  void capabilitiesOfTheStandardUnitAreLiteral() {
    Rig standard = new Rig();
    assertThat(standard.r64(0x8)).isEqualTo(0x00d2078c406f0406L);
    assertThat(standard.r64(0x10)).isEqualTo(0xf050dbL);
    Rig early = new Rig(VtdConfig.early());
    assertThat(early.r64(0x8)).isEqualTo(0x00c0000040660212L);
    assertThat(early.r64(0x10)).isEqualTo(0x5000L);
  }

  /** What reads back after all ones were written to the bits that are not reserved. */
  @ParameterizedTest
  @CsvSource({
    "RTADDR,   0x20, 8, 0xfffffffffffff000, 0xfffffffffffff000",
    "FECTL,    0x38, 4, 0x80000000, 0x80000000",
    "FECTL,    0x38, 4, 0x00000000, 0x00000000",
    "FEDATA,   0x3c, 4, 0x0000ffff, 0x0000ffff",
    "FEADDR,   0x40, 4, 0xfffffffc, 0xfffffffc",
    "FEUADDR,  0x44, 4, 0x00000000, 0x00000000",
    "AFLOG,    0x58, 8, 0x0, 0x0",
    "PMEN,     0x64, 4, 0x0, 0x0",
    "PLMBASE,  0x68, 4, 0x0, 0x0",
    "PLMLIMIT, 0x6c, 4, 0x0, 0x0",
    "PHMBASE,  0x70, 8, 0x0, 0x0",
    "PHMLIMIT, 0x78, 8, 0x0, 0x0",
    "IQT,      0x88, 8, 0x7fff0, 0x7fff0",
    "IQA,      0x90, 8, 0xfffffffffffff007, 0xfffffffffffff007",
    "ICS,      0x9c, 4, 0x1, 0x0",
    "IECTL,    0xa0, 4, 0x80000000, 0x80000000",
    "IEDATA,   0xa4, 4, 0x0000ffff, 0x0000ffff",
    "IEADDR,   0xa8, 4, 0xfffffffc, 0xfffffffc",
    "IEUADDR,  0xac, 4, 0x0, 0x0",
    "IRTA,     0xb8, 8, 0xfffffffffffff00f, 0xfffffffffffff00f",
    "CCMD,     0x28, 8, 0x60000003ffffffff, 0x60000003ffffffff",
    "IOTLB,    0xf8, 8, 0x3003ffff00000000, 0x3003ffff00000000",
    "FSTS,     0x34, 4, 0x000000f3, 0x0",
  })
  void writableBitsKeepWhatIsWrittenAndNothingIsBroken(
      String name, String offset, int width, String written, String read) {
    int at = Integer.decode(offset);
    rig.unit.write(at, width, Long.parseUnsignedLong(written.substring(2), 16));
    assertThat(rig.unit.read(at, width)).isEqualTo(Long.parseUnsignedLong(read.substring(2), 16));
    rig.clean();
  }

  @ParameterizedTest
  @CsvSource({
    "GCMD,     0x18, 4, 0x00000001",
    "RTADDR,   0x20, 8, 0x0000000000000400",
    "CCMD,     0x28, 8, 0x0000000400000000",
    "FSTS,     0x34, 4, 0x00010000",
    "FECTL,    0x38, 4, 0x80000001",
    "FEDATA,   0x3c, 4, 0x00010000",
    "FEADDR,   0x40, 4, 0x00000001",
    "FEUADDR,  0x44, 4, 0x00000001",
    "AFLOG,    0x58, 8, 0x1000",
    "PMEN,     0x64, 4, 0x80000000",
    "IQT,      0x88, 8, 0x8",
    "IQA,      0x90, 8, 0x800",
    "ICS,      0x9c, 4, 0x2",
    "IRTA,     0xb8, 8, 0x800",
    "IVA,      0xf0, 8, 0x80",
    "IOTLB,    0xf8, 8, 0x4000000000000000",
    "IOTLB,    0xf8, 8, 0x1",
  })
  void reservedBitsAreLeftAloneOrReported(String name, String offset, int width, String written) {
    rig.unit.write(Integer.decode(offset), width, Long.parseUnsignedLong(written.substring(2), 16));
    rig.broke(VtdRule.RESERVED_BITS);
  }

  @ParameterizedTest
  @CsvSource({
    "VER, 0x0, 4",
    "CAP, 0x8, 8",
    "ECAP, 0x10, 8",
    "GSTS, 0x1c, 4",
    "IQH, 0x80, 8",
    "IQERCD, 0xb0, 8",
    "FRCD, 0x220, 8",
  })
  void readOnlyRegistersAreNotWritten(String name, String offset, int width) {
    int at = Integer.decode(offset);
    long before = rig.unit.read(at, width);
    rig.unit.write(at, width, 0);
    assertThat(rig.unit.read(at, width)).isEqualTo(before);
    rig.broke(VtdRule.READ_ONLY_WRITTEN);
  }

  @Test
  void writeOnlyRegistersAreNotRead() {
    rig.r32(0x18);
    rig.r64(0xf0);
    rig.broke(VtdRule.WRITE_ONLY_READ, VtdRule.WRITE_ONLY_READ);
  }

  @ParameterizedTest
  @CsvSource({
    "0x18, 8", "0x1c, 1", "0x34, 2", "0x38, 8", "0x22, 2", "0x20, 1", "0x0, 8", "0x9c, 1",
  })
  void otherWidthsAreReportedAndDoNothing(String offset, int width) {
    int at = Integer.decode(offset);
    rig.unit.write(at, width, -1);
    rig.broke(VtdRule.ACCESS_WIDTH);
    rig.unit.read(at, width);
    rig.broke(VtdRule.ACCESS_WIDTH);
    assertThat(rig.r64(0x20)).isZero();
  }

  @Test
  void a64BitRegisterTakesTwoHalves() {
    rig.w32(0x24, 0x12);
    rig.w32(0x20, 0x34567000);
    assertThat(rig.r64(0x20)).isEqualTo(0x12_34567000L);
    assertThat(rig.r32(0x24)).isEqualTo(0x12);
    rig.clean();
  }

  @Test
  void reservedSpaceReadsZeroAndIsNotWritten() {
    assertThat(rig.r64(0xc0)).isZero();
    rig.clean();
    rig.w64(0xc0, 0);
    rig.broke(VtdRule.RESERVED_REGISTER);
  }

  @Test
  void statusLagsItsCommandAndTakesEffectWhenItShows() {
    rig.setRoot();
    rig.w32(0x18, 0x80000000L);
    assertThat(rig.write(Rig.DEV, 0x1000)).isEqualTo(0x1000);
    assertThat(rig.r32(0x1c)).isEqualTo(0x40000000);
    assertThat(rig.write(Rig.DEV, 0x1000)).isEqualTo(0x1000);
    assertThat(rig.r32(0x1c)).isEqualTo(0xc0000000);
    assertThat(rig.write(Rig.DEV, 0x1000)).isEqualTo(Rig.BLOCKED);
    rig.clean();
  }

  @Test
  void settingTheRootTableClearsItsStatusAtOnceAndKeepsTheOldRootTillThen() {
    rig.start();
    rig.w64(0x20, 0x7000);
    rig.w32(0x18, 0xc0000000L);
    assertThat(rig.r32(0x1c)).isEqualTo(0x80000000);
    assertThat(rig.r32(0x1c)).isEqualTo(0xc0000000);
    rig.clean();
  }

  @Test
  void protectedRegionsAreClosedWhileNothingIsTranslated() {
    Rig guarded = new Rig(VtdConfig.builder().plmr(true).phmr(true).build());
    guarded.w32(0x68, 0x00200000);
    guarded.w32(0x6c, 0x00400000);
    guarded.w64(0x70, 0x1_0000_0000L);
    guarded.w64(0x78, 0x1_0000_0000L);
    guarded.w32(0x64, 0x80000000L);
    assertThat(guarded.r32(0x64)).isEqualTo(0x80000001);
    assertThat(guarded.write(Rig.DEV, 0x1ff000)).isEqualTo(0x1ff000);
    assertThat(guarded.write(Rig.DEV, 0x200000)).isEqualTo(Rig.BLOCKED);
    assertThat(guarded.write(Rig.DEV, 0x5ff000)).isEqualTo(Rig.BLOCKED);
    assertThat(guarded.write(Rig.DEV, 0x600000)).isEqualTo(0x600000);
    assertThat(guarded.write(Rig.DEV, 0x1_001f_f000L)).isEqualTo(Rig.BLOCKED);
    guarded.w32(0x64, 0);
    assertThat(guarded.write(Rig.DEV, 0x200000)).as("PRS not asked for").isEqualTo(Rig.BLOCKED);
    assertThat(guarded.r32(0x64)).isZero();
    assertThat(guarded.write(Rig.DEV, 0x200000)).isEqualTo(0x200000);
    guarded.clean();
  }

  @Test
  void withoutPowerRegistersReadAllOnesAndDmaIsBlocked() {
    rig.start();
    rig.unit.losePower();
    assertThat(rig.r64(0x8)).isEqualTo(-1);
    assertThat(rig.r32(0x1c)).isEqualTo(-1);
    assertThat(rig.write(Rig.DEV, 0x1000)).isEqualTo(Rig.BLOCKED);
    rig.w32(0x18, 0);
    rig.unit.reset();
    assertThat(rig.r32(0x1c)).isZero();
    assertThat(rig.write(Rig.DEV, 0x1000)).isEqualTo(0x1000);
    rig.clean();
  }
}
