package dev.vmm.iommu.amd;

import static dev.vmm.iommu.amd.DescribedMachine.CAPABILITY;
import static dev.vmm.iommu.amd.DescribedMachine.EFR_SUP;
import static dev.vmm.iommu.amd.DescribedMachine.FIRST;
import static dev.vmm.iommu.amd.DescribedMachine.SECOND;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.amd.ivrs.IvrsBuilder;
import dev.vmm.iommu.amd.unit.FakeUnit;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.IommuSurvey.Ability;
import dev.vmm.iommu.spi.IommuSurvey.SurveyedUnit;
import dev.vmm.pci.Rid;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What is said of a machine before anything is opened. */
class AmdSurveyTest {
  private static final int COHERENT = 0x20;
  private static final Rid NIC = Rid.parse("00:02.0");
  private static final Rid IO_APIC = Rid.parse("00:14.0");
  private static final Rid HPET = Rid.parse("00:14.1");
  private static final byte[] NAMES_IO_APIC = IvrsBuilder.special(0, 4, 0xa0, 1);
  private static final byte[] NAMES_HPET = IvrsBuilder.special(0, 1, 0xa1, 2);

  private final DescribedMachine machine = new DescribedMachine();

  private IommuSurvey survey() {
    return new AmdProvider().survey(machine.described()).orElseThrow();
  }

  /** A unit of 5 levels of which firmware says 6 (HATS, 11:10 of EFR), and one of old with 4. */
  private FakeUnit unequalUnits(int flagsOfSecond) {
    FakeUnit first = machine.unit("00:00.2", FIRST, CAPABILITY | EFR_SUP);
    first.values.put(0x30, 1L << 10);
    machine.unit("00:00.3", SECOND, CAPABILITY);
    machine
        .ivrs
        .ivhd(
            0x11,
            COHERENT,
            2,
            0x40,
            FIRST,
            0,
            0,
            0,
            2L << 10,
            0,
            IvrsBuilder.range(0x8, 0xff, 0),
            IvrsBuilder.alias(0x42, 0x18, 0, 0x20),
            NAMES_IO_APIC,
            NAMES_HPET)
        .ivhd(
            0x10,
            flagsOfSecond,
            3,
            0x40,
            SECOND,
            0,
            0,
            0,
            0,
            0,
            IvrsBuilder.range(0x100, 0x1ff, 0));
    return first;
  }

  @Test
  void theUnitsAreTheTablesAndHaveTheNamesThatTheyWillHave() {
    machine.twoUnits();
    IommuSurvey survey = survey();
    SurveyedUnit first = new SurveyedUnit("amdvi0", "IVRS offset 0x30 IVHD 10h");
    SurveyedUnit second = new SurveyedUnit("amdvi1", "IVRS offset 0x50 IVHD 10h");
    assertThat(survey.units()).containsExactly(first, second);
    assertThat(survey.unitOf(NIC)).hasValue(first);
    assertThat(survey.unitOf(Rid.parse("01:00.0"))).hasValue(second);
    assertThat(survey.unitOf(Rid.parse("00:00.2"))).as("its own").isEmpty();
    assertThat(survey.expectedUnit()).isEqualTo("an IVHD of the IVRS table that covers it");
  }

  @Test
  void aRequesterIdHasTheAliasesAndTheMemoryThatTheTableSays() {
    unequalUnits(0);
    machine.ivrs.ivmd(0x21, 7, 0, NIC.id16(), 0, 0x9f00_0000L, 0x2000);
    IommuSurvey survey = survey();
    assertThat(survey.aliases(Rid.parse("00:03.0"))).containsExactly(Rid.parse("00:04.0"));
    assertThat(survey.aliases(NIC)).isEmpty();
    assertThat(survey.reservedRegions(NIC))
        .singleElement()
        .satisfies(
            region -> {
              assertThat(region.range()).isEqualTo(new AddressRange(0x9f00_0000L, 0x2000));
              assertThat(region.access()).isEqualTo(Access.READ_WRITE);
              assertThat(region.source()).contains("IVMD 21h unity");
            });
    assertThat(survey.reservedRegions(IO_APIC)).isEmpty();
  }

  /** 48882 rev 3, "Special Address Controls (GPA)". */
  @Test
  void interruptsAndHyperTransportsRangesAreNotTranslated() {
    machine.twoUnits();
    assertThat(survey().untranslatedRanges())
        .extracting(range -> range.range())
        .containsExactly(
            AddressRange.between(0xfee0_0000L, 0xfef0_0000L),
            AddressRange.between(0xfd_0000_0000L, 0x100_0000_0000L));
  }

  /** The widest unit counts: a domain is where it can be. */
  @Test
  void theCapabilitiesAreThoseThatTheUnitsAgreeOn() {
    unequalUnits(0);
    assertThat(survey().capabilities())
        .hasValue(new IommuCapabilities(57, 52, 0x4020_1000L, 65534, false, true));
    DescribedMachine snooping = new DescribedMachine();
    snooping.unit("00:00.2", FIRST, CAPABILITY);
    snooping.ivrs.ivhd(0x10, COHERENT, 2, 0x40, FIRST, 0, 0, 0, 0, 0);
    assertThat(new AmdProvider().survey(snooping.described()).orElseThrow().capabilities())
        .hasValue(new IommuCapabilities(48, 52, 0x4020_1000L, 65534, true, false));
  }

  @Test
  void theEvidenceOfTheWidthIsEachUnitsOwn() {
    unequalUnits(0);
    List<String> lines = survey().evidence(Ability.WIDTH);
    assertThat(lines).hasSize(3);
    assertThat(lines.get(0)).startsWith("unit amdvi0 at 0xfed80000: EFR 0x400");
    assertThat(lines.get(1)).startsWith("IVRS offset 0x30 IVHD 11h").contains("0x800");
    assertThat(lines.get(2)).contains("IVHD 10h", "HATS");
  }

  /** No register has a say in it. */
  @Test
  void thereIsNoEvidenceOfInterruptRemapping() {
    unequalUnits(0);
    assertThat(survey().evidence(Ability.INTERRUPT_REMAPPING)).isEmpty();
  }

  @Test
  void ofAUnitThatDoesNotAnswerNothingIsKnown() {
    unequalUnits(0).values.put(0x18, -1L);
    IommuSurvey survey = survey();
    assertThat(survey.capabilities()).isEmpty();
    assertThat(survey.evidence(Ability.WIDTH)).isEmpty();
    assertThat(survey.units()).hasSize(2);
  }

  @Test
  void anInterruptControllersIdIsToldWithItsEntry() {
    unequalUnits(0);
    IommuSurvey survey = survey();
    assertThat(survey.interruptRemapping().allowed()).isTrue();
    assertThat(survey.interruptRemapping().evidence())
        .contains("IVRS offset 0x30 IVHD 11h", "no flag that forbids");
    assertThat(survey.interruptController(IO_APIC).orElseThrow())
        .startsWith("IVRS offset 0x30 IVHD 11h")
        .endsWith(": the messages of I/O APIC 0x4 carry 0000:00:14.0");
    assertThat(survey.interruptController(HPET).orElseThrow())
        .endsWith(": the messages of HPET 0x1 carry 0000:00:14.1");
    assertThat(survey.interruptController(NIC)).isEmpty();
  }

  private void missing(String why, byte[]... entries) {
    machine.unit("00:00.2", FIRST, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, FIRST, entries);
    IommuSurvey survey = survey();
    assertThat(survey.interruptRemapping()).isEqualTo(new IommuSurvey.Permission(false, why));
    assertThat(survey.interruptController(HPET)).as("nothing is remapped").isEmpty();
    assertThat(survey.interruptController(IO_APIC)).isEmpty();
    assertThat(survey.capabilities().orElseThrow().interruptRemapping()).isFalse();
  }

  @Test
  void withoutAnIoApicInTheTableNothingIsRemapped() {
    missing("the IVRS table names no I/O APIC", NAMES_HPET);
  }

  @Test
  void anIoApicThatOnlyTheMadtKnowsIsNamed() {
    madt("010c04000000c0fe00000000" + "010c05000010c0fe18000000");
    missing("the IVRS table does not name the I/O APICs [5] of the MADT", NAMES_IO_APIC);
  }

  @Test
  void aDamagedMadtIsNotBelieved() {
    madt("010c04000000c0fe00000000" + "010c");
    missing("the MADT is damaged", NAMES_IO_APIC, NAMES_HPET);
  }

  @Test
  void anIoApicThatBothTablesNameIsEnough() {
    madt("010c04000000c0fe00000000");
    unequalUnits(0);
    assertThat(survey().interruptRemapping().allowed()).isTrue();
  }

  /** ACPI 6.5, "Multiple APIC Description Table (MADT)": structures from offset 44 on. */
  private void madt(String structures) {
    byte[] body = IvrsBuilder.hex(structures);
    byte[] table = IvrsBuilder.join("APIC".getBytes(StandardCharsets.US_ASCII), new byte[40], body);
    table[4] = (byte) table.length;
    machine.machine.with(AcpiTable.of(table, "built"));
  }
}
