package dev.vmm.iommu.amd.regs;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Every register against literal facts of the book. */
class RegisterLayoutTest {
  static Stream<AmdViRegisters.Register> registers() {
    // All features; SmiFSup is 01b where there are filters, and SmiFRC 100b where there are 16.
    return AmdViRegisters.of(new EfrReg(-1L & ~(1L << 17 | 3L << 18))).stream();
  }

  @ParameterizedTest
  @MethodSource("registers")
  void fieldsTileTheWordAndKeepOtherBits(AmdViRegisters.Register register) {
    Layout layout = register.layout();
    long seen = 0;
    for (Field field : layout.fields()) {
      assertThat(seen & field.mask()).as(field.name()).isZero();
      seen |= field.mask();
      assertThat(field.set(-1L, 0)).as(field.name()).isEqualTo(~field.mask());
      assertThat(field.set(0, field.max())).as(field.name()).isEqualTo(field.mask());
    }
    assertThat(seen).isEqualTo(-1L);
  }

  @Test
  void noTwoRegistersShareAByte() {
    Set<Long> words = new HashSet<>();
    registers()
        .forEach(
            register -> {
              assertThat(register.offset() % 8).isZero();
              assertThat(words.add(register.offset())).as(register.toString()).isTrue();
            });
    // DevTblSegSup 3 is eight segments: the base register and seven more.
    assertThat(words).contains(0x100L, 0x130L);
    // SmiFRC 4 is sixteen filters.
    assertThat(words).contains(0x60L, 0xd8L);
  }

  /** Offsets as the book's "IOMMU MMIO Registers" gives them. */
  @ParameterizedTest
  @CsvSource({
    "DEV_TAB_BASE,0",
    "CMD_BUF_BASE,8",
    "EVENT_LOG_BASE,10",
    "CONTROL,18",
    "EXCL_BASE,20",
    "EXCL_LIMIT,28",
    "EFR,30",
    "PPR_LOG_BASE,38",
    "HW_EVENT_HIGH,40",
    "HW_EVENT_LOW,48",
    "HW_EVENT_STATUS,50",
    "SMI_FILTER,60",
    "GA_LOG_BASE,e0",
    "GA_LOG_TAIL_ADDRESS,e8",
    "DEV_TAB_SEGMENT_BASE,100",
    "EFR2,1a0",
    "CMD_BUF_HEAD,2000",
    "CMD_BUF_TAIL,2008",
    "EVENT_LOG_HEAD,2010",
    "EVENT_LOG_TAIL,2018",
    "STATUS,2020",
    "PPR_LOG_HEAD,2030",
    "PPR_LOG_TAIL,2038",
    "GA_LOG_HEAD,2040",
    "GA_LOG_TAIL,2048"
  })
  void registerIsWhereTheBookPutsIt(String name, String offset) {
    AmdViRegisters.Register register =
        registers().filter(r -> r.layout().name().equals(name)).findFirst().orElseThrow();
    assertThat(register.offset()).isEqualTo(Long.parseLong(offset, 16));
  }

  @Test
  void aUnitWithoutFeaturesHasNoRegistersOfThem() {
    assertThat(AmdViRegisters.of(new EfrReg(0)).stream().map(r -> r.layout().name()))
        .contains("CONTROL", "STATUS")
        .doesNotContain("PPR_LOG_BASE", "HW_EVENT_HIGH", "GA_LOG_BASE", "DEV_TAB_SEGMENT_BASE")
        .doesNotContain("SMI_FILTER", "EFR2");
    assertThat(AmdViRegisters.of(new EfrReg(0x9_0000L)).stream())
        .filteredOn(r -> r.layout().name().equals("SMI_FILTER"))
        .extracting(AmdViRegisters.Register::offset)
        .as("SmiFRC 2 is four")
        .containsExactly(0x60L, 0x68L, 0x70L, 0x78L);
  }

  @Test
  void qemusFeaturesReadAsTheBookSays() {
    EfrReg efr = new EfrReg(0x29d3L);
    assertThat(efr.toString()).startsWith("EFR 0x29d3 {");
    assertThat(efr.hats()).isEqualTo(2); // six levels
    assertThat(EfrReg.GATS.get(efr.raw())).isEqualTo(2);
    assertThat(efr.iaSup()).isTrue();
    assertThat(efr.gaSup()).isTrue();
    assertThat(efr.pprSup()).isTrue();
    assertThat(efr.heSup()).isTrue();
    assertThat(efr.gtSup()).isTrue();
    assertThat(efr.snpSup()).isFalse();
  }

  @Test
  void basesAreTheBooksWords() {
    // 2 MiB: 512 pages less one.
    assertThat(DevTabBaseReg.of(0x12345000L, 0x200000L)).isEqualTo(0x123451ffL);
    assertThat(new DevTabBaseReg(0x123451ffL).lengthBytes()).isEqualTo(0x200000L);
    assertThat(new DevTabBaseReg(0x123451ffL).base()).isEqualTo(0x12345000L);
    assertThat(CmdBufBaseReg.of(0x12345000L, 512)).isEqualTo(0x0900000012345000L);
    assertThat(EventLogBaseReg.of(0x12345000L, 256)).isEqualTo(0x0800000012345000L);
  }

  @Test
  void capabilitiesReadAsTheBookSays() {
    CapHeader header = new CapHeader(0x190b640fL);
    assertThat(header.isIommu()).isTrue();
    assertThat(header.efrSup()).isTrue();
    assertThat(header.iotlbSup()).isTrue();
    assertThat(header.npCache()).isFalse();
    assertThat(new CapHeader(0x190a640fL).isIommu()).isFalse();
    assertThat(new CapHeader(0x190b6405L).isIommu()).isFalse();
  }

  @Test
  void statusBitsThatOneClearsAreNotThoseThatTellWhatRuns() {
    assertThat(StatusReg.CLEARED_BY_ONE & 0x198L).isZero();
    assertThat(StatusReg.CLEARED_BY_ONE & 0x7L).isEqualTo(0x7L);
  }
}
