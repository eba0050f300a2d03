package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the units agree on: addresses, pages, coherence, interrupt remapping. */
class UnitFactsTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long COHERENT = 1L;
  private static final long IR = 1L << 3;
  private static final long SC = 1L << 7;
  private static final long PAGE = 0x1000;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  /** CAP_REG.SAGAW, bits 12:8, and MGAW, bits 21:16, which is the width less one. */
  private static long reaching(int sagaw, int bits) {
    return (CAP & ~(0x1fL << 8 | 0x3fL << 16)) | (long) sagaw << 8 | (bits - 1L) << 16;
  }

  @ParameterizedTest
  @CsvSource({
    "2,39,39",
    "2,36,36",
    "4,48,48",
    "8,57,57",
    "6,48,48",
    "6,39,39",
    "14,57,57",
    "14,52,52",
    "12,39,39"
  })
  void anIovaIsAsWideAsTheTallestTablesAndTheUnitsAddressesAllow(int sagaw, int bits, int width) {
    Iommu iommu = Bench.one(reaching(sagaw, bits), ECAP).open();
    assertThat(iommu.capabilities().iovaBits()).isEqualTo(width);
    assertThat(iommu.capabilities().hpaBits()).isEqualTo(46);
    Domain whole = iommu.createDomain(new DomainSpec("whole", (1L << width) - 1));
    assertThat(whole.lastIova()).isEqualTo((1L << width) - 1);
    assertFails(
        Errno.EINVAL,
        () -> iommu.createDomain(new DomainSpec("more", 1L << width)),
        "at most " + width + " bits");
  }

  @Test
  void aDomainHasTheFewestLevelsThatReach() {
    Iommu iommu = Bench.one(reaching(14, 57), ECAP).open();
    assertThat(iommu.createDomain(new DomainSpec("a", 0)).lastIova()).isEqualTo((1L << 39) - 1);
    assertThat(iommu.createDomain(new DomainSpec("b", (1L << 39) - 1)).lastIova())
        .isEqualTo((1L << 39) - 1);
    assertThat(iommu.createDomain(new DomainSpec("c", 1L << 39)).lastIova())
        .isEqualTo((1L << 48) - 1);
    assertThat(iommu.createDomain(new DomainSpec("d", 1L << 48)).lastIova())
        .isEqualTo((1L << 57) - 1);
  }

  @Test
  void aDomainEndsWhereItsUnitsDoThoughItsTablesGoOn() {
    Iommu iommu = Bench.one(reaching(2, 36), ECAP).open();
    Domain vm = domain(iommu, "vm");
    vm.map((1L << 36) - PAGE, 0, PAGE, Access.READ);
    vm.map((1L << 36) - 4 * PAGE, 0, 3 * PAGE, Access.READ);
    assertFails(
        Errno.EINVAL, () -> vm.map(1L << 36, 0, PAGE, Access.READ), "vm", "what the units reach");
    assertFails(
        Errno.EINVAL,
        () -> vm.map((1L << 36) - 6 * PAGE, 0, 7 * PAGE, Access.READ),
        "what the units reach");
    assertFails(
        Errno.EINVAL, () -> vm.map(0, 0, (1L << 36) + PAGE, Access.READ), "what the units reach");
    assertFails(Errno.EINVAL, () -> vm.map(0, 0, 0, Access.READ), "not empty");
    assertFails(Errno.EINVAL, () -> vm.unmap((1L << 36) - PAGE, 2 * PAGE), "what the units reach");
    assertThat(vm.unmap((1L << 36) - 4 * PAGE, 4 * PAGE)).isTrue();
  }

  @ParameterizedTest
  @CsvSource({"true,true,true", "true,false,false", "false,true,false", "false,false,false"})
  void interruptRemappingIsWhatFirmwareAndEveryUnitHave(
      boolean first, boolean second, boolean all) {
    Bench bench =
        Bench.two(CAP, first ? ECAP | IR : ECAP & ~IR, CAP, second ? ECAP | IR : ECAP & ~IR);
    for (int flags = 0; flags < 2; flags++) {
      FakeMachine machine = new FakeMachine(bench.memory);
      bench.units.forEach(machine::with);
      machine.with(
          new DmarBuilder()
              .hostAddressBits(46)
              .flags(flags)
              .drhd(false, 0, Bench.BASE, DmarBuilder.endpoint(0, 5, 0))
              .drhd(true, 0, Bench.BASE + 0x1000)
              .build());
      Iommu iommu = new IntelProvider().open(new IommuContext(machine, Tunables.defaults()));
      assertThat(iommu.capabilities().interruptRemapping()).isEqualTo(all && flags == 1);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void cacheLinesAreFlushedForUnitsThatDoNotSnoopAndOnlyForThem(boolean coherent) {
    Bench bench = Bench.one(CAP, coherent ? ECAP | COHERENT : ECAP);
    Iommu iommu = bench.open();
    assertThat(iommu.capabilities().coherent()).isEqualTo(coherent);
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    AtomicInteger storesAndFlushes = new AtomicInteger();
    bench.memory.afterStore = storesAndFlushes::incrementAndGet;
    vm.map(0x4000, 0x9000, PAGE, Access.READ_WRITE);
    assertThat(storesAndFlushes.get()).isEqualTo(coherent ? 1 : 2);
  }

  @ParameterizedTest
  @CsvSource({"true,true", "true,false", "false,true", "false,false"})
  void leavesForceSnoopingWhereEveryUnitHasSnoopControl(boolean first, boolean second) {
    Bench bench = Bench.two(CAP, first ? ECAP | SC : ECAP, CAP, second ? ECAP | SC : ECAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    long table = bench.units.get(1).entryInMemory(NIC.id16())[0] & -PAGE;
    table = bench.memory.read64(table) & -PAGE;
    table = bench.memory.read64(table) & -PAGE;
    // SNP, bit 11, is reserved on a unit without Snoop Control.
    assertThat(bench.memory.read64(table + 8 * 3)).isEqualTo(first && second ? 0x8803L : 0x8003L);
  }

  @Test
  void aUnitWithTheReservedAddressWidthIsNotTakenToWalkIt() {
    // SAGAW bits 0 and 4 are reserved; bit 1 is three levels.
    Iommu iommu = Bench.one(reaching(0x13, 57), ECAP).open();
    assertThat(iommu.capabilities().iovaBits()).isEqualTo(39);
  }
}
