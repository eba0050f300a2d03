package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.BASE;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.CAP;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.ECAP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.iommu.IommuCapabilities;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.iommu.spi.IommuSurvey.Ability;
import dev.vmm.iommu.spi.IommuSurvey.Permission;
import dev.vmm.iommu.spi.IommuSurvey.SurveyedUnit;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.testing.FakePci;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is said of a machine before anything is opened. */
class IntelSurveyTest {
  private static final SurveyedUnit FIRST = new SurveyedUnit("vtd0", "DMAR offset 0x30 DRHD");
  private static final SurveyedUnit SECOND = new SurveyedUnit("vtd1", "DMAR offset 0x48 DRHD");
  private static final long QI = 1L << 1;
  private static final long IR = 1L << 3;

  private static IommuSurvey survey(Machine machine) {
    return new IntelProvider().survey(machine).orElseThrow();
  }

  private static IommuSurvey survey(DmarBuilder dmar) {
    return survey(new FakeMachine(new ArrayMemory(2L << 20)).with(dmar.build()));
  }

  @Test
  void theUnitsAreTheTablesAndHaveTheNamesThatTheyWillHave() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    IommuSurvey survey = survey(bench.machine);
    assertThat(survey.units()).containsExactly(FIRST, SECOND);
    assertThat(survey.unitOf(GPU)).hasValue(FIRST);
    assertThat(survey.unitOf(NIC)).hasValue(SECOND);
    assertThat(survey.unitOf(Rid.parse("0001:00:02.0"))).as("of no unit's segment").isEmpty();
    assertThat(survey.expectedUnit()).isEqualTo("a DRHD of the DMAR table that covers it");
    assertThat(survey.aliases(NIC)).isEmpty();
    assertThat(survey.interruptController(NIC)).isEmpty();
    assertThat(bench.unit().reads).as("the table alone says so").isZero();
  }

  /** By its SR-IOV capability: one VF, at the next requester id. */
  @Test
  void aVirtualFunctionIsUnderTheUnitOfItsPhysicalOne() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Rid virtual = Rid.parse("00:05.1");
    assertThat(survey(bench.machine).unitOf(virtual)).as("nobody's").hasValue(SECOND);
    bench
        .machine
        .pci()
        .functions
        .get(GPU)
        .config
        .putInt(0x100, 0x0010 | 1 << 16)
        .putShort(0x108, (short) 1)
        .putShort(0x110, (short) 1)
        .putShort(0x114, (short) 1)
        .putShort(0x116, (short) 1);
    bench.machine.pci().add("00:05.1", 0xffff, 0xffff, 0x030000);
    IommuSurvey survey = survey(bench.machine);
    assertThat(survey.unitOf(virtual)).hasValue(FIRST);
    assertThat(survey.unitOf(NIC)).hasValue(SECOND);
  }

  /** A look at all functions is dear: it is made once, and only if a scope has to decide. */
  @Test
  void theBusIsSearchedAtMostOnce() {
    AtomicInteger reads = new AtomicInteger();
    FakePci counting =
        new FakePci() {
          @Override
          public int read(Rid rid, int offset, int widthBytes) {
            reads.incrementAndGet();
            return super.read(rid, offset, widthBytes);
          }
        };
    counting.add("00:02.0", 0x8086, 1, 0x020000);
    FakeMachine machine =
        new FakeMachine(new ArrayMemory(2L << 20)) {
          @Override
          public FakePci pci() {
            return counting;
          }
        };
    IommuSurvey one = survey(machine.with(new DmarBuilder().drhd(true, 0, BASE).build()));
    reads.set(0);
    one.unitOf(NIC);
    assertThat(reads.get()).isZero();
    FakeMachine scoped =
        new FakeMachine(new ArrayMemory(2L << 20)) {
          @Override
          public FakePci pci() {
            return counting;
          }
        };
    IommuSurvey two =
        survey(
            scoped.with(
                new DmarBuilder()
                    .drhd(false, 0, BASE, DmarBuilder.endpoint(0, 5, 0))
                    .drhd(true, 0, BASE + 0x1000)
                    .build()));
    two.unitOf(NIC);
    assertThat(reads.getAndSet(0)).isPositive();
    two.unitOf(NIC);
    two.unitOf(GPU);
    assertThat(reads.get()).isZero();
  }

  @Test
  void aRequesterIdHasTheMemoryThatTheTableReservesForIt() {
    Bench bench = Bench.one(CAP, ECAP);
    FakeMachine machine = new FakeMachine(bench.memory);
    bench.units.forEach(machine::with);
    machine.pci().add("00:02.0", 0x8086, 1, 0x020000);
    machine.pci().add("00:03.0", 0x8086, 1, 0x020000);
    machine.with(
        new DmarBuilder()
            .drhd(true, 0, BASE)
            .rmrr(0, 0x9f00_0000L, 0x9f00_1fffL, DmarBuilder.endpoint(0, 2, 0))
            .build());
    IommuSurvey survey = survey(machine);
    assertThat(survey.reservedRegions(NIC))
        .singleElement()
        .satisfies(
            region -> assertThat(region.range()).isEqualTo(new AddressRange(0x9f00_0000L, 0x2000)));
    assertThat(survey.reservedRegions(Rid.parse("00:03.0"))).isEmpty();
    assertThat(survey.untranslatedRanges())
        .singleElement()
        .satisfies(
            window ->
                assertThat(window.range())
                    .isEqualTo(AddressRange.between(0xfee0_0000L, 0xfef0_0000L)));
  }

  @Test
  void firmwareSaysWhetherInterruptsMayBeRemapped() {
    assertThat(survey(new DmarBuilder().flags(1).drhd(true, 0, BASE)).interruptRemapping())
        .isEqualTo(new Permission(true, "DMAR offset 0x25 Flags 0x1, INTR_REMAP set"));
    assertThat(survey(new DmarBuilder().flags(2).drhd(true, 0, BASE)).interruptRemapping())
        .isEqualTo(new Permission(false, "DMAR offset 0x25 Flags 0x2, INTR_REMAP clear"));
  }

  /** CAP_REG.SAGAW 12:8 and MGAW 21:16; the other unit has 4 levels and 48 bits. */
  @Test
  void theCapabilitiesAreThoseThatTheUnitsAgreeOn() {
    long wide = (CAP & ~(0x1fL << 8 | 0x3fL << 16)) | 4L << 8 | 47L << 16;
    assertThat(survey(Bench.two(CAP, ECAP, wide).machine).capabilities())
        .hasValue(new IommuCapabilities(48, 46, 0x4020_1000L, 65535, false, true));
    for (long lacking : new long[] {QI, IR, QI | IR}) {
      assertThat(
              survey(Bench.two(CAP, ECAP, CAP, ECAP & ~lacking).machine)
                  .capabilities()
                  .orElseThrow()
                  .interruptRemapping())
          .isFalse();
    }
  }

  @Test
  void theEvidenceIsEachUnitsRegisterWithTheFieldsThatDecide() {
    IommuSurvey survey = survey(Bench.two(CAP, ECAP, CAP).machine);
    assertThat(survey.evidence(Ability.WIDTH))
        .hasSize(2)
        .allMatch(line -> line.contains(": CAP_REG 0xd2008c22260206 MGAW=0x26"))
        .allMatch(line -> line.contains("SAGAW=0x2"));
    assertThat(survey.evidence(Ability.INTERRUPT_REMAPPING))
        .hasSize(2)
        .allMatch(line -> line.contains(": ECAP_REG 0xf00f4a IR=0x1"))
        .allMatch(line -> line.contains("QI=0x1"))
        .first()
        .asString()
        .startsWith("unit vtd0 at 0xfed90000");
  }

  @Test
  void ofAUnitThatDoesNotAnswerNothingIsKnown() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    bench.units.get(1).dead = true;
    IommuSurvey survey = survey(bench.machine);
    assertThat(survey.capabilities()).isEmpty();
    assertThat(survey.evidence(Ability.WIDTH)).isEmpty();
    assertThat(survey.units()).hasSize(2);
    IommuSurvey tablesAlone = survey(new DmarBuilder().drhd(true, 0, BASE));
    assertThat(tablesAlone.capabilities()).as("no registers").isEmpty();
    assertThat(new IntelProvider().survey(new FakeMachine(bench.memory))).isEmpty();
  }
}
