package dev.vmm.iommu.intel.dmar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.intel.dmar.DeviceScope.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class DmarTableTest {
  /**
   * A header of 48 bytes, host address width 2Eh, flags 5; the length and the checksum are given.
   */
  private static byte[] literal(String lengthAndRevision, String checksum, String structures) {
    return DmarBuilder.hex(
        "44 4d 41 52" // DMAR
            + lengthAndRevision
            + checksum
            + "56 4d 4d 20 20 20" // OEM id
            + "54 45 53 54 20 20 20 20" // OEM table id
            + "01 00 00 00" // OEM revision
            + "54 45 53 54" // creator
            + "01 00 00 00" // creator's revision
            + "2e 05" // 47 bits, INTR_REMAP and DMA_CTRL_PLATFORM_OPT_IN_FLAG
            + "00 00 00 00 00 00 00 00 00 00"
            + structures);
  }

  private static final String DRHD =
      "00 00 18 00 01 02 34 12 00 10 d9 fe 01 00 00 00" // INCLUDE_PCI_ALL, 16 KiB, segment 1234h
          + "01 08 00 00 00 80 02 01"; // endpoint 80:02.1

  @Test
  void literalTableDecodesByTheBook() {
    DmarTable table =
        DmarTable.parse(AcpiTable.of(literal("48 00 00 00 01", "39", DRHD), "literal"));

    assertThat(table.hostAddressWidth()).isEqualTo(47);
    assertThat(table.interruptRemapping()).isTrue();
    assertThat(table.x2apicOptOut()).isFalse();
    assertThat(table.dmaControlOptIn()).isTrue();
    assertThat(table.structures())
        .containsExactly(
            new Drhd(
                0x30,
                0x18,
                true,
                0x4000,
                0x1234,
                0x1_fed9_1000L,
                List.of(new DeviceScope(0x40, 8, 1, 0, 0, 0x80, List.of(new Path(2, 1))))));
    assertThat(table.problems()).isEmpty();
    assertThat(table.origin()).isEqualTo("literal");
  }

  @Test
  void builderGivesTheLiteralBytes() {
    byte[] structures = new byte[DmarBuilder.hex(DRHD).length];
    byte[] built =
        new DmarBuilder()
            .drhd(1, 2, 0x1234, 0x1_fed9_1000L, DmarBuilder.endpoint(0x80, 2, 1))
            .bytes();
    System.arraycopy(built, 48, structures, 0, structures.length);

    assertThat(structures).isEqualTo(DmarBuilder.hex(DRHD));
    assertThat(AcpiTable.of(built, "built").checksumValid()).isTrue();
  }

  @Test
  void rmrrHasItsBaseItsInclusiveLimitAndItsScopes() {
    DmarTable table =
        parse(
            "01 00 20 00 00 00 01 00 00 a0 51 bf 00 00 00 00 ff 9f 53 bf 00 00 00 00"
                + "01 08 00 00 00 00 1d 00");

    assertThat(table.rmrrs())
        .containsExactly(
            new Rmrr(
                0x30,
                0x20,
                1,
                0xbf51a000L,
                0xbf539fffL,
                List.of(new DeviceScope(0x48, 8, 1, 0, 0, 0, List.of(new Path(0x1d, 0))))));
    assertThat(table.rmrrs().get(0).pages())
        .contains(AddressRange.between(0xbf51a000L, 0xbf53a000L));
  }

  @Test
  void atsrHasAllPortsAndSegment() {
    DmarTable table = parse("02 00 10 00 01 00 02 00 02 08 00 00 00 00 01 00");

    assertThat(table.atsrs())
        .containsExactly(
            new Atsr(
                0x30,
                0x10,
                true,
                2,
                List.of(new DeviceScope(0x38, 8, 2, 0, 0, 0, List.of(new Path(1, 0))))));
  }

  @Test
  void rhsaHasBaseAndUnsignedProximityDomain() {
    assertThat(parse("03 00 14 00 00 00 00 00 00 00 ff fb 00 00 00 00 fe ff ff ff").rhsas())
        .containsExactly(new Rhsa(0x30, 0x14, 0xfbff0000L, 0xffff_fffeL));
  }

  @Test
  void anddHasNumberAndNameUpToItsNul() {
    DmarTable table =
        parse(
            "04 00 1c 00 00 00 00 01 5c 5f 53 42 2e 50 43 49 30 2e 49 32 43 30 00 00 00 00 00 00");

    assertThat(table.andds()).containsExactly(new Andd(0x30, 0x1c, 1, "\\_SB.PCI0.I2C0"));
  }

  @Test
  void anddNameWithoutNulAndWithBytesThatDoNotPrintIsKeptInside() {
    assertThat(parse("04 00 0b 00 00 00 00 ff 41 07 ff").andds())
        .containsExactly(new Andd(0x30, 0xb, 0xff, "A??"));
  }

  @Test
  void satcHasAtcRequired() {
    assertThat(parse("05 00 10 00 01 00 00 00 01 08 00 00 00 00 0b 00").satcs())
        .containsExactly(
            new Satc(
                0x30,
                0x10,
                true,
                0,
                List.of(new DeviceScope(0x38, 8, 1, 0, 0, 0, List.of(new Path(0xb, 0))))));
  }

  @Test
  void sidpScopesHaveFlags() {
    assertThat(parse("06 00 10 00 00 00 03 00 01 08 1f 00 00 00 02 00").sidps())
        .containsExactly(
            new Sidp(
                0x30,
                0x10,
                3,
                List.of(new DeviceScope(0x38, 8, 1, 0x1f, 0, 0, List.of(new Path(2, 0))))));
  }

  @Test
  void unknownStructureAndScopeAreKeptAndWhatFollowsIsDecoded() {
    DmarTable table =
        parse("33 01 06 00 ab cd" + "02 00 10 00 00 00 00 00 77 08 00 00 09 00 01 00");

    assertThat(table.structures().get(0))
        .isEqualTo(new UnknownStructure(0x30, 6, 0x133, "33 01 06 00 ab cd"));
    DeviceScope scope = table.atsrs().get(0).scopes().get(0);
    assertThat(scope.type()).isEqualTo(DeviceScope.Type.UNKNOWN);
    assertThat(scope.rawType()).isEqualTo(0x77);
    assertThat(scope.enumerationId()).isEqualTo(9);
    assertThat(table.problems())
        .hasSize(2)
        .anyMatch(line -> line.startsWith("DMAR offset 0x30 unknown type 0x133"))
        .anyMatch(line -> line.contains("offset 0x3e") && line.contains("type 0x77"));
  }

  @Test
  void pathsOfSeveralHopsKeepTheirOrder() {
    DeviceScope scope =
        parse("02 00 14 00 00 00 00 00 01 0c 00 00 00 3a 1c 04 00 00 1f 07")
            .atsrs()
            .get(0)
            .scopes()
            .get(0);

    assertThat(scope.path()).containsExactly(new Path(0x1c, 4), new Path(0, 0), new Path(0x1f, 7));
    assertThat(scope.startBus()).isEqualTo(0x3a);
    assertThat(scope).hasToString("PCI Endpoint Device bus 3a path 1c.4 00.0 1f.7");
  }

  @ParameterizedTest
  @CsvSource({"1,PCI_ENDPOINT", "2,PCI_SUB_HIERARCHY", "3,IOAPIC", "4,MSI_CAPABLE_HPET"})
  void scopeTypesAreTheBooks(int code, DeviceScope.Type type) {
    assertThat(DeviceScope.Type.of(code)).isEqualTo(type);
    assertThat(type.code()).isEqualTo(code);
    assertThat(DeviceScope.Type.of(5)).isEqualTo(DeviceScope.Type.ACPI_NAMESPACE_DEVICE);
    assertThat(DeviceScope.Type.of(0)).isEqualTo(DeviceScope.Type.UNKNOWN);
    assertThat(DeviceScope.Type.of(255)).isEqualTo(DeviceScope.Type.UNKNOWN);
  }

  @ParameterizedTest
  @CsvSource({"0,4096", "1,8192", "4,65536", "15,134217728", "0xf1,8192"})
  void registerSetIsAPageShiftedByTheLowFourBitsOfSize(String size, int bytes) {
    assertThat(
            new DmarBuilder()
                .drhd(0, Integer.decode(size), 0, 0xfed9_0000L)
                .parse()
                .drhds()
                .get(0)
                .registerBytes())
        .isEqualTo(bytes);
  }

  static Stream<Arguments> damaged() {
    return Stream.of(
        Arguments.of("zero length", "00 00 00 00", "0x30"),
        Arguments.of("length 3, inside the header", "99 00 03 00", "0x30"),
        Arguments.of("DRHD without its base", "00 00 0c 00 00 00 00 00 00 00 00 00", "0x30"),
        Arguments.of("RHSA of 16 bytes", "03 00 10 00 00 00 00 00 00 00 00 00 00 00 00 00", "0x30"),
        Arguments.of("past the table's end", "02 00 09 00 00 00 00 00", "0x30"),
        Arguments.of("longest length", "99 00 ff ff 00 00 00 00", "0x30"),
        Arguments.of("half a header after a structure", "02 00 08 00 00 00 00 00 02 00", "0x38"),
        Arguments.of(
            "scope of length 0", "02 00 10 00 00 00 00 00 01 00 00 00 00 00 02 00", "0x38"),
        Arguments.of(
            "scope of length 5", "02 00 10 00 00 00 00 00 01 05 00 00 00 00 02 00", "0x38"),
        Arguments.of(
            "scope past its structure",
            "02 00 10 00 00 00 00 00 01 0a 00 00 00 00 02 00 00 00 00 00",
            "0x38"),
        Arguments.of("half a scope", "02 00 0c 00 00 00 00 00 01 08 00 00", "0x38"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("damaged")
  void i12_damagedStructureIsRefusedWithTableAndOffset(String what, String hex, String offset) {
    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> parse(hex))
        .satisfies(error -> assertThat(error.errno()).isEqualTo(Errno.EINVAL))
        .withMessageContaining("DMAR (built)")
        .withMessageContaining("offset " + offset)
        .withMessageContaining("expected");
  }

  @Test
  void i12_wrongChecksumIsRefused() {
    byte[] bytes = new DmarBuilder().drhd(true, 0, 0xfed9_0000L).bytes();
    bytes[0x38]++;

    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> DmarTable.parse(AcpiTable.of(bytes, "built")))
        .satisfies(error -> assertThat(error.errno()).isEqualTo(Errno.EINVAL))
        .withMessageContaining("DMAR (built) has a wrong checksum at offset 0x9");
  }

  @Test
  void i12_otherTableIsRefused() {
    byte[] bytes = new DmarBuilder().bytes();
    bytes[0] = 'X';

    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> DmarTable.parse(AcpiTable.of(DmarBuilder.seal(bytes), "built")))
        .withMessageContaining("XMAR (built) has the wrong signature");
  }

  @Test
  void i12_tableShorterThanItsOwnHeaderIsRefused() {
    byte[] bytes = java.util.Arrays.copyOf(new DmarBuilder().bytes(), 47);
    bytes[4] = 47;

    assertThatExceptionOfType(VmmException.class)
        .isThrownBy(() -> DmarTable.parse(AcpiTable.of(DmarBuilder.seal(bytes), "built")))
        .withMessageContaining("offset 0x4")
        .withMessageContaining("47 bytes long: expected at least 48");
  }

  @Test
  void tableWithoutStructuresIsEmpty() {
    assertThat(new DmarBuilder().parse().structures()).isEmpty();
  }

  @Test
  void twoUnitsThatIncludeAllOfASegmentAreAProblem() {
    DmarTable table =
        new DmarBuilder()
            .drhd(true, 0, 0xfed9_0000L)
            .drhd(true, 1, 0xfed9_1000L)
            .drhd(true, 0, 0xfed9_2000L)
            .parse();

    assertThat(table.problems())
        .containsExactly(
            "DMAR offset 0x50 DRHD includes all of segment 0000, as does DMAR offset 0x30 DRHD, which is taken: expected"
                + " one such unit");
  }

  @Test
  void unitAfterTheOneThatIncludesAllIsAProblem() {
    assertThat(
            new DmarBuilder()
                .drhd(true, 0, 0xfed9_0000L)
                .drhd(false, 0, 0xfed9_1000L, DmarBuilder.endpoint(0, 2, 0))
                .parse()
                .problems())
        .singleElement()
        .asString()
        .contains("DMAR offset 0x40 DRHD follows DMAR offset 0x30 DRHD");
  }

  @Test
  void overlappingRegistersAreAProblemBySize() {
    assertThat(
            new DmarBuilder()
                .drhd(0, 1, 0, 0xfed9_0000L)
                .drhd(0, 0, 0, 0xfed9_2000L)
                .drhd(0, 0, 0, 0xfed9_1000L)
                .parse()
                .problems())
        .containsExactly(
            "DMAR offset 0x50 DRHD has registers at 0xfed91000-0xfed91fff, which overlap those of DMAR offset 0x30 DRHD"
                + " at 0xfed90000-0xfed91fff");
  }

  @Test
  void unalignedZeroAndWrappingRegisterBasesAreProblems() {
    assertThat(
            new DmarBuilder()
                .drhd(0, 0, 0, 0xfed9_0800L)
                .drhd(0, 0, 0, 0)
                .drhd(0, 1, 0, -4096L)
                .parse()
                .problems())
        .hasSize(3)
        .anyMatch(line -> line.contains("0x30") && line.contains("multiple of 4 KiB"))
        .anyMatch(line -> line.contains("0x40") && line.contains("register base 0x0"))
        .anyMatch(line -> line.contains("0x50") && line.contains("wraps past 2^64"));
  }

  @Test
  void rmrrThatIsNotWholePagesIsTakenInWholePages() {
    DmarTable table =
        new DmarBuilder()
            .rmrr(0, 0x1000_0800L, 0x1000_2000L, DmarBuilder.endpoint(0, 2, 0))
            .parse();

    assertThat(table.rmrrs().get(0).pages())
        .contains(AddressRange.between(0x1000_0000L, 0x1000_3000L));
    assertThat(table.problems()).singleElement().asString().contains("expected whole pages");
  }

  @Test
  void rmrrWhoseLimitLiesBelowItsBaseReservesNothing() {
    DmarTable table =
        new DmarBuilder().rmrr(0, 0x2000, 0xfff, DmarBuilder.endpoint(0, 2, 0)).parse();

    assertThat(table.rmrrs().get(0).pages()).isEmpty();
    assertThat(table.problems()).singleElement().asString().contains("reserves nothing");
  }

  @Test
  void rmrrAtTheEndOfTheAddressSpaceDoesNotWrap() {
    assertThat(new Rmrr(0, 24, 0, -4096L, -1L, List.of()).pages())
        .contains(new AddressRange(-4096L, 4096));
  }

  @Test
  void rmrrOverEverythingReservesAllButTheLastPage() {
    assertThat(new Rmrr(0, 24, 0, 0, -1L, List.of()).pages()).contains(new AddressRange(0, -4096L));
  }

  @Test
  void damagedPathsAreProblemsOfTheTable() {
    assertThat(
            new DmarBuilder()
                .atsr(
                    0,
                    0,
                    DmarBuilder.scope(1, 0, 0, 0),
                    DmarBuilder.scope(1, 0, 0, 0, 1, 0, 2),
                    DmarBuilder.scope(1, 0, 0, 0, 0x20, 0),
                    DmarBuilder.scope(1, 0, 0, 0, 1, 8))
                .parse()
                .problems())
        .hasSize(4)
        .anyMatch(line -> line.contains("0x38 has no path"))
        .anyMatch(line -> line.contains("0x3e ends in half a hop"))
        .anyMatch(line -> line.contains("0x47 has device 0x20 function 0x0"))
        .anyMatch(line -> line.contains("0x4f has device 0x1 function 0x8"));
  }

  private static DmarTable parse(String structures) {
    return new DmarBuilder().raw(structures).parse();
  }
}
