package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * By literal words of 48882 rev 3: "IOMMU Capability Block Registers" (id 0Fh, type 3 in 18:16,
 * IotlbSup 24, HtTunnel 25, NpCache 26, EFRSup 27; the base in the next two words), "IOMMU Extended
 * Feature Register" (IASup 6, HATS 11:10, SmiFSup 17:16, SmiFRC 20:18), and IVRS's "IVHD" flags and
 * feature reporting (IASup 5, HATS 31:30).
 */
class UnitCheckTest {
  private static final long BASE = 0xfed80000L;
  private static final int AT = 0x40;
  private static final int CAPABILITY = 0x0003_000f;
  private static final int IOTLB = 1 << 24;
  private static final int TUNNEL = 1 << 25;
  private static final int NP_CACHE = 1 << 26;
  private static final int EFR = 1 << 27;
  private static final int CONTROL = 0x18;
  private static final int EFR_OFFSET = 0x30;
  private static final int STATUS = 0x2020;
  private static final long IA_SUP = 1L << 6;
  private static final int IA_SUP_10H = 1 << 5;

  private final FakeUnit unit = new FakeUnit(FakeUnit.PATIENT);
  private final FakePci pci = new FakePci();
  private final ConfigSpace config;
  private final FakePci.Function function;

  UnitCheckTest() {
    function = pci.add("00:01.0", 0x1022, 0x1419, 0x080600);
    config = pci.config(Rid.parse("00:01.0"));
    capability(AT, CAPABILITY | EFR, BASE | 1);
  }

  private void capability(int at, int header, long base) {
    function.config.putInt(at, header).putInt(at + 4, (int) base);
    function.config.putInt(at + 8, (int) (base >>> 32));
  }

  private UnitRegisters registers() {
    return unit.registers;
  }

  @AfterEach
  void nothingWasWritten() {
    assertThat(unit.writes).isEmpty();
  }

  private static Ivhd ivhd(int type, int flags, int at, long base, long features, long efr) {
    return new Ivhd(0x30, 40, type, flags, 8, at, base, 2, 0, features, efr, 0, List.of());
  }

  private static Ivhd plain() {
    return ivhd(0x10, 0, AT, BASE, 0, 0);
  }

  private UnitConfig check(Ivhd ivhd) {
    return UnitCheck.check(ivhd, registers(), config);
  }

  private void refused(Errno errno, Ivhd ivhd, String... words) {
    assertThatThrownBy(() -> check(ivhd))
        .hasMessageContainingAll(words)
        .hasMessageContaining("IVRS offset 0x30")
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  @Test
  void aPlainUnitHasFourLevelsAndNothingElse() {
    assertThat(check(plain())).isEqualTo(new UnitConfig(2, 4, false, false, 0, false, 0));
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0x0",
    "0x01, 0x2", // HtTunEn
    "0x02, 0x100", // PassPW
    "0x04, 0x200", // ResPassPW
    "0x08, 0x800", // Isoc
    "0x20, 0x400", // Coherent
    "0x2f, 0xf02",
    "0xd0, 0x0",
  })
  void eachFlagOfFirmwareIsOneBitOfTheControlRegister(String flags, String control) {
    capability(AT, CAPABILITY | TUNNEL, BASE | 1);
    UnitConfig found = check(ivhd(0x10, Integer.decode(flags), AT, BASE, 0, 0));
    assertThat(found.control()).isEqualTo(Long.decode(control));
    assertThat(found.coherent()).isEqualTo((Integer.decode(flags) & 0x20) != 0);
  }

  @Test
  void whatTheUnitHasNotIsNotAskedOfIt() {
    assertThat(check(ivhd(0x10, 1, AT, BASE, 0, 0)).control()).as("no tunnel").isZero();
    capability(AT, CAPABILITY | IOTLB, BASE | 1);
    assertThat(check(plain()).control()).as("InvTimeOut: 1 s").isEqualTo(0x80);
    capability(AT, CAPABILITY | NP_CACHE, BASE | 1);
    assertThat(check(plain()).notPresentCached()).isTrue();
  }

  @Test
  void aUnitThatDoesNotAnswerIsNotThere() {
    unit.values.put(CONTROL, -1L);
    refused(Errno.ENXIO, plain(), "does not answer", "CONTROL reads 0xffffffffffffffff");
    unit.values.put(CONTROL, 0L);
    unit.values.put(STATUS, -1L);
    refused(Errno.ENXIO, plain(), "does not answer", "STATUS reads 0xffffffffffffffff");
  }

  @Test
  void aUnitThatIsOnOrRunsIsSomebodyElses() {
    unit.values.put(CONTROL, 1L);
    refused(Errno.EBUSY, plain(), "is enabled already");
    unit.values.put(CONTROL, 2L);
    assertThat(check(plain()).levels()).isEqualTo(4);
    for (long running : new long[] {1 << 3, 1 << 4}) {
      unit.values.put(STATUS, running);
      refused(Errno.EBUSY, plain(), "is enabled already");
    }
    unit.values.put(STATUS, 1L);
    assertThat(check(plain()).levels()).isEqualTo(4);
  }

  @ParameterizedTest
  @ValueSource(ints = {0x40, 0x44, 0xe4, 0xe8})
  void theCapabilityIsWhereFirmwareSays(int at) {
    function.config.putInt(AT, 0);
    capability(at, CAPABILITY | NP_CACHE, BASE | 1);
    assertThat(check(ivhd(0x10, 0, at, BASE, 0, 0)).notPresentCached()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 0x3c, 0x41, 0x42, 0xec, 0xf0})
  void aCapabilityIsNowhereElse(int at) {
    if ((at & 3) == 0) {
      capability(at, CAPABILITY, BASE | 1);
    }
    refused(
        Errno.ENOTSUP,
        ivhd(0x10, 0, at, BASE, 0, 0),
        String.format("at 0x%x of 0002:00:01.0: there is 0x0", at));
  }

  @Test
  void anotherCapabilityIsNone() {
    capability(AT, 0x0003_0010, BASE | 1);
    refused(Errno.ENOTSUP, plain(), "there is 0x30010");
    capability(AT, 0x0002_000f, BASE | 1);
    refused(Errno.ENOTSUP, plain(), "there is 0x2000f");
  }

  @Test
  void theCapabilitysAddressIsThatOfTheTableUnlessItIsDisabled() {
    long high = 0x12_fed8_0000L;
    capability(AT, CAPABILITY, high | 1);
    refused(Errno.ENOTSUP, plain(), "registers at 0x12fed80000", "expected 0xfed80000");
    assertThat(check(ivhd(0x10, 0, AT, high, 0, 0)).levels()).isEqualTo(4);
    capability(AT, CAPABILITY, BASE | 0x3ffe | 1);
    assertThat(check(plain()).levels()).as("bits 13:1 are none of it").isEqualTo(4);
    capability(AT, CAPABILITY, BASE + 0x4000 | 1);
    refused(Errno.ENOTSUP, plain(), "registers at 0xfed84000");
    capability(AT, CAPABILITY, high);
    assertThat(check(plain()).levels()).as("it answers all the same").isEqualTo(4);
  }

  @ParameterizedTest
  @CsvSource({"0, 4", "1, 5", "2, 6"})
  void theLevelsAreThoseOfTheFeatureRegister(long hats, int levels) {
    unit.values.put(EFR_OFFSET, hats << 10 | IA_SUP);
    assertThat(check(plain()).levels()).isEqualTo(levels);
    assertThat(check(plain()).invalidateAll()).isTrue();
    assertThat(UnitCheck.levels(plain(), registers(), config)).isEqualTo(levels);
  }

  @Test
  void aUnitWithoutHostTablesIsRefused() {
    unit.values.put(EFR_OFFSET, 3L << 10);
    refused(Errno.ENOTSUP, plain(), "HATS reads 3");
    assertThat(UnitCheck.levels(plain(), registers(), config)).isZero();
  }

  /** The register is not read then: it may hold anything. */
  @Test
  void withoutAFeatureRegisterFirmwareIsBelieved() {
    capability(AT, CAPABILITY, BASE | 1);
    unit.values.put(EFR_OFFSET, 3L << 10);
    UnitConfig old = check(ivhd(0x10, 0, AT, BASE, 0x4000_0000L | IA_SUP_10H, 0));
    assertThat(old.levels()).isEqualTo(5);
    assertThat(old.invalidateAll()).isTrue();
    UnitConfig newer = check(ivhd(0x11, 0, AT, BASE, 0x4000_0000L, 2L << 10 | IA_SUP));
    assertThat(newer.levels()).isEqualTo(6);
    assertThat(newer.invalidateAll()).isTrue();
    assertThat(check(ivhd(0x40, 0, AT, BASE, IA_SUP_10H, 0)).invalidateAll()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "2, 2, true, true, 6, true",
    "1, 2, true, true, 5, true",
    "2, 1, true, true, 5, true",
    "2, 2, true, false, 6, false",
    "2, 2, false, true, 6, false",
    "0, 2, false, false, 4, false",
  })
  void whereFirmwareAndTheUnitDisagreeOnlyWhatBothSayIsUsed(
      long own, long firmware, boolean unitIa, boolean firmwareIa, int levels, boolean all) {
    unit.values.put(EFR_OFFSET, own << 10 | (unitIa ? IA_SUP : 0));
    UnitConfig found =
        check(ivhd(0x11, 0, AT, BASE, 0, firmware << 10 | (firmwareIa ? IA_SUP : 0)));
    assertThat(found.levels()).isEqualTo(levels);
    assertThat(found.invalidateAll()).isEqualTo(all);
  }

  /** SmiFSup, 17:16, is 1 where there are filters; SmiFRC, 20:18, is the log2 of how many. */
  @ParameterizedTest
  @CsvSource({
    "0x10000, 0x10000, 1",
    "0xd0000, 0xd0000, 8",
    "0x110000, 0x110000, 16",
    "0x1d0000, 0x1d0000, 16", // there is room for no more
    "0xc0000, 0xc0000, 0",
    "0xe0000, 0xe0000, 0",
    "0xd0000, 0x50000, 2",
    "0x50000, 0xd0000, 2",
    "0xd0000, 0x0, 0",
  })
  void theSmiFiltersAreThoseOfWhichBothSpeak(String own, String firmware, int filters) {
    unit.values.put(EFR_OFFSET, Long.decode(own));
    Ivhd ivhd = ivhd(0x11, 0, AT, BASE, 0, Long.decode(firmware));
    assertThat(check(ivhd).smiFilters()).isEqualTo(filters);
    capability(AT, CAPABILITY, BASE | 1);
    assertThat(check(plain()).smiFilters()).as("of a unit without the register").isZero();
  }

  @ParameterizedTest
  @CsvSource({"3, 0", "0, 3", "3, 2"})
  void whereEitherSaysThatThereAreNoHostTablesThereAreNone(long own, long firmware) {
    unit.values.put(EFR_OFFSET, own << 10);
    refused(Errno.ENOTSUP, ivhd(0x11, 0, AT, BASE, 0, firmware << 10), "HATS reads 3");
  }

  private List<String> evidence(Ivhd ivhd) {
    return UnitCheck.levelsEvidence(ivhd, registers(), config);
  }

  /** What says how many levels there are: both where they disagree, else the one that counts. */
  @Test
  void theEvidenceOfTheLevelsIsWhatCounted() {
    unit.values.put(EFR_OFFSET, 1L << 10);
    assertThat(evidence(plain()))
        .singleElement()
        .asString()
        .contains("unit amdvi0", "HATS")
        .contains("0x400");
    assertThat(evidence(ivhd(0x11, 0, AT, BASE, 0, 1L << 10))).as("they agree").hasSize(1);
    List<String> both = evidence(ivhd(0x11, 0, AT, BASE, 0, 2L << 10));
    assertThat(both).hasSize(2);
    assertThat(both.get(0)).contains("unit amdvi0", "0x400");
    assertThat(both.get(1)).contains("EFR Register Image", "HATS", "0x800");
    capability(AT, CAPABILITY, BASE | 1);
    unit.values.put(EFR_OFFSET, -1L);
    assertThat(evidence(ivhd(0x11, 0, AT, BASE, 0, 0))).as("4 levels by an image").hasSize(1);
    assertThat(evidence(ivhd(0x11, 0, AT, BASE, 0, 2L << 10)))
        .as("no register")
        .singleElement()
        .asString()
        .contains("EFR Register Image", "0x800");
    assertThat(evidence(ivhd(0x10, 0, AT, BASE, 0x4000_0000L, 0)))
        .as("no register, and firmware says it in 2 bits")
        .singleElement()
        .asString()
        .contains("HATS", "0x40000000")
        .doesNotContain("Image");
    unit.values.put(CONTROL, -1L);
    assertThatThrownBy(() -> evidence(plain())).hasMessageContaining("is gone");
  }
}
