package dev.vmm.iommu.amd;

import static dev.vmm.iommu.amd.DescribedMachine.CAPABILITY;
import static dev.vmm.iommu.amd.DescribedMachine.FIRST;
import static dev.vmm.iommu.amd.DescribedMachine.SECOND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.amd.ivrs.IvrsBuilder;
import dev.vmm.iommu.amd.unit.FakeUnit;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuSurvey;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** All units of a machine are taken over, or none; and none where none can be. */
class AmdOpenerTest {
  /** Where a machine of ours allocates first. */
  private static final long FIRST_TABLE = 0x10_0000;

  private static final long TABLE_BYTES = 0x20_0000;
  private static final int IO_APIC = 0xa0;

  private final DescribedMachine machine = new DescribedMachine();

  private Iommu open() {
    return new AmdProvider().open(new IommuContext(machine.described(), Tunables.defaults()));
  }

  private void refused(Errno errno, String... words) {
    assertThatThrownBy(this::open)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
    assertThat(machine.memory.allocatedBytes()).as("nothing is kept").isZero();
  }

  @Test
  void everyUnitIsTakenAndAnswersForItsIds() {
    machine.twoUnits();
    Iommu iommu = open();
    assertThat(iommu.units()).containsExactly("amdvi0", "amdvi1");
    assertThat(iommu.unitOf(Rid.parse("00:02.0"))).hasValue("amdvi0");
    assertThat(iommu.unitOf(Rid.parse("01:00.0"))).hasValue("amdvi1");
    assertThat(iommu.unitOf(Rid.parse("02:00.0"))).isEmpty();
    assertThat(machine.memory.allocatedBytes()).isEqualTo(2 * TABLE_BYTES);
    iommu.close();
    assertThat(machine.memory.allocatedBytes()).isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"0x0", "0xfed82000", "0xfed80001", "0x8000000000000000"})
  void registersAreWhereAUnitCanHaveThem(String base) {
    long at = Long.parseUnsignedLong(base.substring(2), 16);
    machine.ivrs.ivhd(0x10, 0, 2, at);
    refused(
        Errno.ENOTSUP,
        "the IVRS table (built) puts the 0x4000 register bytes of a unit at " + base,
        "(IVHD at offset 0x30), at an address that none can have",
        "update the firmware");
  }

  @ParameterizedTest
  @ValueSource(longs = {0x4000, 0x80_0000, 0xff_c000})
  void registersAreNotInRam(long base) {
    machine.unit("00:00.2", base, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, base);
    refused(Errno.ENOTSUP, String.format("a unit at 0x%x", base), "in RAM at ");
  }

  @Test
  void registersRightBehindRamAreAUnits() {
    machine.unit("00:00.2", 0x100_0000, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, 0x100_0000);
    assertThat(open().units()).containsExactly("amdvi0");
  }

  @Test
  void registersAreOneUnitsAlone() {
    machine.unit("00:00.2", FIRST, CAPABILITY);
    machine.unit("00:00.3", FIRST, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, FIRST).ivhd(0x10, 0, 3, FIRST);
    refused(
        Errno.ENOTSUP,
        "(IVHD at offset 0x48)",
        "where the IVHD at offset 0x30 has its own, 0xfed80000");
  }

  @Test
  void aUnitWhoseRegistersTheMachineDoesNotGiveIsRefused() {
    machine.ivrs.ivhd(0x10, 0, 2, FIRST);
    refused(
        Errno.ENOTSUP,
        "unit amdvi0 (IVRS offset 0x30 IVHD) cannot have its registers at 0xfed80000",
        "this fake has 0 blocks");
  }

  /** The exclusion range is read when a unit is taken, after all were looked at. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aUnitThatGoesAwayMeanwhileTakesTheOthersBack(boolean second) {
    FakeUnit first = machine.unit("00:00.2", FIRST, CAPABILITY);
    FakeUnit other = machine.unit("00:00.3", SECOND, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, FIRST).ivhd(0x10, 0, 3, SECOND);
    (second ? other : first).values.put(0x20, -1L);
    refused(Errno.EIO, second ? "unit amdvi1" : "unit amdvi0", "is gone", "EXCL_BASE");
  }

  /** Each segment has its own ids. */
  @Test
  void anInterruptControllerIsOneOfItsSegment() {
    machine.unit("0000:00:00.2", FIRST, CAPABILITY);
    machine.unit("0001:00:00.2", SECOND, CAPABILITY);
    machine
        .ivrs
        .ivhd(0x10, 0, 2, FIRST, IvrsBuilder.all(0))
        .ivhd(0x10, 1, 2, SECOND, IvrsBuilder.all(0), IvrsBuilder.special(0, 4, IO_APIC, 1));
    open();
    assertThat(interruptWord(FIRST_TABLE)).as("stopped").isEqualTo(1);
    assertThat(interruptWord(FIRST_TABLE + TABLE_BYTES))
        .as("forwarded")
        .isEqualTo(0x1000_0000_0000_0001L);
  }

  /** SysMgt 10b and NMIPass; nothing is remapped, so that messages pass. */
  @Test
  void whatFirmwareSaysOfAnIdIsInItsEntry() {
    machine.unit("00:00.2", FIRST, CAPABILITY);
    machine.ivrs.ivhd(0x10, 0, 2, FIRST, IvrsBuilder.all(0), IvrsBuilder.select(0x20, 0x24));
    open();
    long entry = FIRST_TABLE + 32L * 0x20;
    assertThat(machine.memory.read64(entry + 8)).isEqualTo(0x200_0000_0000L);
    assertThat(machine.memory.read64(entry + 16)).isEqualTo(1L << 58);
    assertThat(machine.memory.read64(entry + 32 + 8)).as("beside it").isZero();
    assertThat(machine.memory.read64(entry + 32 + 16)).isZero();
  }

  /** What 0x18 sends carries the id 0x20: the entries of both lead to the table. */
  @Test
  void interruptEntriesAreOfAnIdAndItsAlias() {
    machine.unit("00:00.2", FIRST, CAPABILITY);
    machine.ivrs.ivhd(
        0x10,
        0,
        2,
        FIRST,
        IvrsBuilder.all(0),
        IvrsBuilder.alias(0x42, 0x18, 0, 0x20),
        IvrsBuilder.special(0, 4, IO_APIC, 1));
    Iommu iommu = open();
    iommu.interruptRemapping().orElseThrow().allocate(Rid.of(0, 0x18), 1);
    long word = machine.memory.read64(FIRST_TABLE + 32L * 0x18 + 16);
    assertThat(word & ~0xf_ffff_ffff_f000L).isEqualTo(0x2000_0000_0000_0013L);
    assertThat(machine.memory.read64(FIRST_TABLE + 32L * 0x20 + 16)).isEqualTo(word);
    assertThat(machine.memory.read64(FIRST_TABLE + 32L * 0x21 + 16)).isEqualTo(1);
  }

  /** Coherent is bit 5 of the flags. */
  @ParameterizedTest
  @ValueSource(ints = {0, 0x20})
  void whatIsOpenedIsWhatTheSurveySaid(int flagsOfSecond) {
    machine.unit("00:00.2", FIRST, CAPABILITY);
    machine.unit("00:00.3", SECOND, CAPABILITY);
    machine
        .ivrs
        .ivhd(0x10, 0x20, 2, 0x40, FIRST, 0, 0, 0, 0, 0, IvrsBuilder.range(0x8, 0xff, 0))
        .ivhd(0x10, flagsOfSecond, 3, 0x40, SECOND, 0, 0, 0, 0, 0, IvrsBuilder.all(0))
        .ivmd(0x21, 7, 0, 0x10, 0, 0x9f00_0000L, 0x2000);
    Iommu iommu = open();
    IommuSurvey survey = new AmdProvider().survey(machine.machine).orElseThrow();
    assertThat(iommu.capabilities().coherent()).isEqualTo(flagsOfSecond != 0);
    assertThat(survey.capabilities()).hasValue(iommu.capabilities());
    Rid nic = Rid.parse("00:02.0");
    assertThat(iommu.reservedRegions(nic)).hasSize(1).isEqualTo(survey.reservedRegions(nic));
    assertThat(iommu.untranslatedRanges()).hasSize(2).isEqualTo(survey.untranslatedRanges());
    assertThatThrownBy(
            () ->
                iommu.move(
                    List.of(Rid.parse("0001:00:02.0")),
                    iommu.createDomain(new DomainSpec("vm", 0xffff))))
        .hasMessageContaining(
            "no AMD-Vi unit translates for it, expected " + survey.expectedUnit());
  }

  private long interruptWord(long table) {
    long entry = table + 32L * IO_APIC;
    assertThat(machine.memory.read64(entry)).as("blocked").isEqualTo(3);
    return machine.memory.read64(entry + 16);
  }
}
