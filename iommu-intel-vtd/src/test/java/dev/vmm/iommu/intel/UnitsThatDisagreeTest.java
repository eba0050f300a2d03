package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.GPU;
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
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Units of one machine that differ: a domain's tables must suit every one that may walk them. */
class UnitsThatDisagreeTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long COHERENT = ECAP | 1;
  private static final long PAGE = 0x1000;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i02_tablesAreFlushedFromTheCachesForTheOneUnitThatDoesNotSnoop(boolean first) {
    Bench bench = Bench.two(CAP, first ? ECAP : COHERENT, CAP, first ? COHERENT : ECAP);
    Iommu iommu = bench.open();
    assertThat(iommu.capabilities().coherent()).isFalse();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC, GPU), vm);
    iommu.enable();
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    assertThat(bench.units.get(0).dma(GPU.id16(), 0x3000, true)).isEqualTo(0x8000);
    assertThat(bench.units.get(1).dma(NIC.id16(), 0x3000, true)).isEqualTo(0x8000);
    bench.checkRules();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void pagesAreOnlyAsLargeAsEveryUnitHasThem(boolean first) {
    // CAP_REG.SLLPS, bits 37:34: pages of 2 MiB and of 1 GiB. One unit has neither of them.
    long small = CAP & ~(0xfL << 34);
    Bench bench = Bench.two(first ? small : CAP, ECAP, first ? CAP : small);
    Iommu iommu = bench.open();
    assertThat(iommu.capabilities().pageSizes()).isEqualTo(0x1000);
    Domain vm = domain(iommu, "vm");
    vm.map(0x200000, 0x400000, 0x200000, Access.READ_WRITE);
    assertThat(vm.translate(0x212345).orElseThrow().pageBytes()).isEqualTo(0x1000);
    iommu.move(List.of(NIC, GPU), vm);
    iommu.enable();
    assertThat(bench.units.get(0).dma(GPU.id16(), 0x212000, true)).isEqualTo(0x412000);
    assertThat(bench.units.get(1).dma(NIC.id16(), 0x212000, true)).isEqualTo(0x412000);
    bench.checkRules();
  }

  @Test
  void aDomainWiderThanAUnitsAddressesIsRefusedThereThoughItWalksTheLevels() {
    // Three levels on both; CAP_REG.MGAW, bits 21:16, is the width less one: 36 bits on the second.
    long narrow = (CAP & ~(0x3fL << 16)) | 35L << 16;
    Bench bench = Bench.two(CAP, ECAP, narrow);
    Iommu iommu = bench.open();
    Domain wide = iommu.createDomain(new DomainSpec("wide", (1L << 39) - 1));
    Domain common = iommu.createDomain(new DomainSpec("common", (1L << 36) - 1));
    assertThat(wide.lastIova()).isEqualTo((1L << 39) - 1);
    assertThat(common.lastIova()).isEqualTo((1L << 36) - 1);
    assertFails(
        Errno.EINVAL, () -> iommu.move(List.of(GPU, NIC), wide), "vtd1", "39 bits", NIC.toString());
    assertThat(iommu.domainOf(GPU)).isEmpty();
    iommu.move(List.of(GPU), wide);
    iommu.move(List.of(NIC), common);
    iommu.move(List.of(GPU), common);
  }
}
