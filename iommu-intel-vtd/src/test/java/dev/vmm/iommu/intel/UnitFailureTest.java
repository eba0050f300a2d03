package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
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
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Units that hang, lie or run out, and several units. */
class UnitFailureTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;
  private static final long TES = 1L << 31;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i13_anUnansweredInvalidationEndsAllChangesAndFreesNothing(boolean queue) {
    Bench bench = (queue ? Bench.one(CAP, ECAP) : Bench.one(CAP, ECAP).registers()).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0, 0, 1L << 21, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    assertThat(bench.write(NIC, 0x5000)).isEqualTo(0x5000);
    long before = bench.memory.allocatedBytes();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd0", "0xfed90000", " ms");
    assertThat(iommu.domainOf(NIC)).contains(host);
    assertThat(bench.memory.allocatedBytes()).isGreaterThanOrEqualTo(before);
    // The unit may answer again; what it missed is not known.
    bench.unit().hangInvalidations = false;
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), vm), "vtd0", "earlier invalidation");
    assertFails(Errno.EIO, () -> host.unmap(0, PAGE), "vtd0");
    assertFails(Errno.EIO, vm::close, "vtd0");
    // The device goes on as before.
    assertThat(bench.write(NIC, 0x6000)).isEqualTo(0x6000);
    iommu.close();
    assertThat(bench.unit().peek(0x1c) & TES).isZero();
  }

  @Test
  void i05_unmapThatIsNotConfirmedKeepsTheTablesItCutOff() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x10000, 0x20000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    assertThat(bench.write(NIC, 0x10000)).isEqualTo(0x20000);
    long before = bench.memory.allocatedBytes();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> vm.unmap(0x10000, PAGE), "IQT_REG");
    assertThat(vm.translate(0x10000)).isEmpty();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
  }

  @Test
  void queueErrorIsToldWithItsRecord() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().queueError = 3;
    assertFails(
        Errno.EIO, () -> iommu.move(List.of(NIC), vm), "vtd0", "IQE", "invalid type or width");
    assertThat(bench.unit().peek(0x34) & 0x10).isZero();
    assertThat(iommu.domainOf(NIC)).contains(host);
  }

  @Test
  void theQueueWrapsAndTakesMoreRequestsThanItHolds() {
    Bench bench = Bench.one(CAP | 1L << 7, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    List<Rid> rids = new ArrayList<>();
    for (int id = 0x100; id < 0x100 + 600; id++) {
      rids.add(Rid.of(0, id));
    }
    host.map(0x7000, 0x8000, PAGE, Access.READ_WRITE);
    rids.forEach(rid -> assertThat(bench.write(rid, 0x7000)).isEqualTo(-1));
    iommu.move(rids, host);
    rids.forEach(rid -> assertThat(bench.write(rid, 0x7000)).isEqualTo(0x8000));
    bench.checkRules();
  }

  @Test
  void i05_oneRequestUnmapsAGigabyte() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain vm = iommu.createDomain(new DomainSpec("vm", (1L << 39) - 1));
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    vm.map(1L << 30, 0, 1L << 30, Access.READ_WRITE);
    vm.map(0x5000, 0x8000, 3 * PAGE, Access.READ_WRITE);
    bench.unit().invalidations.clear();
    vm.unmap(1L << 30, 1L << 30);
    vm.unmap(0x5000, PAGE);
    vm.unmap(0x6000, 2 * PAGE);
    vm.unmap(0x6000, 2 * PAGE);
    assertThat(bench.unit().invalidations)
        .hasSize(3)
        .first()
        .asString()
        .startsWith("iotlb pages 1 0x40000000 18");
    assertThat(bench.unit().invalidations.get(1)).isEqualTo("iotlb pages 1 0x5000 0 hint");
    // Two pages, aligned to two; the table they were in goes too, so not only leaves changed.
    assertThat(bench.unit().invalidations.get(2)).isEqualTo("iotlb pages 1 0x6000 1");
    vm.map(1L << 31, 0, 1L << 27, Access.READ_WRITE);
    vm.map((1L << 31) + (1L << 27), 0, 1L << 27, Access.READ_WRITE);
    bench.unit().invalidations.clear();
    // Crosses the border of 2^32: no mask that the unit has covers it.
    vm.map(0xffff_f000L, 0, 2 * PAGE, Access.READ_WRITE);
    vm.unmap(0xffff_f000L, 2 * PAGE);
    assertThat(bench.unit().invalidations).containsExactly("iotlb domain 1");
    bench.checkRules();
  }

  @Test
  void domainIdsRunOutAndComeBackAfterTheFlush() {
    // ND = 0: 16 ids, of which 0 is not used.
    Bench bench = Bench.one(CAP & ~7L, ECAP);
    Iommu iommu = bench.open();
    assertThat(iommu.capabilities().maxDomains()).isEqualTo(15);
    iommu.enable();
    List<Domain> domains = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      Domain domain = domain(iommu, "d" + i);
      domains.add(domain);
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain);
    }
    Domain late = domain(iommu, "late");
    long before = bench.memory.allocatedBytes();
    assertFails(Errno.ENOSPC, () -> iommu.move(List.of(NIC), late), "vtd0", "domain id");
    assertThat(iommu.domainOf(NIC)).isEmpty();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    iommu.move(List.of(Rid.of(0, 0x100)), domains.get(1));
    assertThat(bench.unit().invalidations).contains("iotlb domain 1");
    iommu.move(List.of(NIC), late);
    late.map(0x3000, 0x9000, PAGE, Access.READ_WRITE);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x9000);
    bench.checkRules();
  }

  @Test
  void i08_aHomeHasItsDomainIdOnEachUnitFromItsCreationToItsEnd() {
    // ND = 0 on the second: 16 ids, of which 0 is not used.
    Bench bench = Bench.two(CAP, ECAP, CAP & ~7L);
    Iommu iommu = bench.open();
    iommu.enable();
    long before = bench.memory.allocatedBytes();
    List<Domain> homes = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      homes.add(iommu.createDomain(new DomainSpec("home" + i, 0xffff, true)));
    }
    long full = bench.memory.allocatedBytes();
    assertFails(
        Errno.ENOSPC,
        () -> iommu.createDomain(new DomainSpec("more", 0xffff, true)),
        "vtd1",
        "domain id");
    assertThat(bench.memory.allocatedBytes()).isEqualTo(full);
    assertFails(
        Errno.ENOSPC, () -> iommu.move(List.of(NIC), domain(iommu, "vm")), "vtd1", "domain id");
    for (int round = 0; round < 3; round++) {
      for (Domain home : homes) {
        iommu.move(List.of(NIC), home);
        assertThat(iommu.domainOf(NIC)).hasValue(home);
      }
    }
    homes.get(0).close();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), vm);
    iommu.move(List.of(NIC), homes.get(1));
    homes.subList(2, 15).forEach(Domain::close);
    assertThat(before).isLessThan(full);
    for (int i = 0; i < 14; i++) {
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain(iommu, "d" + i));
    }
    bench.checkRules();
  }

  @Test
  void i05_aDomainIdComesBackAsLateAsItCanAndForgotten() {
    // ND = 0: 16 ids, of which 0 is not used.
    Bench bench = Bench.one(CAP & ~7L, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    for (int round = 0; round < 40; round++) {
      Domain vm = domain(iommu, "vm" + round);
      iommu.move(List.of(NIC), vm);
      // Bits 87:72 of the context entry.
      assertThat(bench.unit().entryInMemory(NIC.id16())[1] >>> 8 & 0xffff)
          .isEqualTo(round % 15 + 1);
      assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
      vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
      assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    }
    bench.checkRules();
  }

  @Test
  void i05_aPageCutOutOfASuperpageIsFlushedWithAllOfTheSuperpage() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain vm = iommu.createDomain(new DomainSpec("vm", (1L << 39) - 1));
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    vm.map(0x200000, 0x400000, 1L << 21, Access.READ_WRITE);
    vm.map(2L << 30, 0, 1L << 30, Access.READ_WRITE);
    assertThat(bench.write(NIC, 0x206000)).isEqualTo(0x406000);
    bench.unit().invalidations.clear();
    vm.unmap(0x205000, PAGE);
    vm.unmap((2L << 30) + 0x5000, PAGE);
    // Here the range begins with a superpage and ends inside of it.
    vm.map(0x600000, 0x800000, 1L << 21, Access.READ_WRITE);
    vm.unmap(0x600000, PAGE);
    // 2^9 pages, then 2^18, then 2^9; links changed, so without the hint.
    assertThat(bench.unit().invalidations)
        .containsExactly(
            "iotlb pages 1 0x200000 9", "iotlb pages 1 0x80000000 18", "iotlb pages 1 0x600000 9");
    assertThat(bench.write(NIC, 0x205000)).isEqualTo(-1);
    assertThat(bench.write(NIC, 0x206000)).isEqualTo(0x406000);
    bench.checkRules();
  }

  @Test
  void theWriteBufferIsFlushedBeforeTheUnitTakesItsFirstRootTable() {
    Bench bench = Bench.one(CAP | 1L << 4, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "host"));
    List<Long> commands = new ArrayList<>();
    bench.unit().onCommand = commands::add;
    iommu.enable();
    // GCMD_REG: WBF is bit 27, SRTP bit 30.
    assertThat(commands).startsWith(1L << 27, 1L << 30);
    bench.checkRules();
  }

  @Test
  void i04_failedStartTurnsOffWhatItTurnedOn() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC, GPU), host);
    long before = bench.memory.allocatedBytes();
    bench.units.get(1).stuckStatus = TES;
    assertFails(Errno.ETIMEDOUT, iommu::enable, "vtd1", "GSTS_REG", "0xfed91000", " ms");
    assertThat(bench.units.get(0).peek(0x1c) & TES).isZero();
    assertThat(bench.units.get(0).peek(0x20)).isZero();
    assertThat(iommu.enabled()).isFalse();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    bench.units.get(1).stuckStatus = 0;
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
  }

  @Test
  void everyUnitOfADomainIsFlushed() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x10000, 0x20000, PAGE, Access.READ_WRITE);
    iommu.enable();
    iommu.move(List.of(NIC, GPU), vm);
    FakeVtdUnit gpu = bench.units.get(0);
    FakeVtdUnit rest = bench.units.get(1);
    assertThat(iommu.unitOf(GPU)).contains("vtd0");
    assertThat(iommu.unitOf(NIC)).contains("vtd1");
    assertThat(gpu.dma(GPU.id16(), 0x10008, true)).isEqualTo(0x20008);
    assertThat(rest.dma(NIC.id16(), 0x10008, true)).isEqualTo(0x20008);
    vm.unmap(0x10000, PAGE);
    assertThat(gpu.dma(GPU.id16(), 0x10008, true)).isEqualTo(-1);
    assertThat(rest.dma(NIC.id16(), 0x10008, true)).isEqualTo(-1);
    bench.checkRules();
  }

  @Test
  void aMoveOverTwoUnitsIsAllOrNone() {
    for (int index = 0; index < 2; index++) {
      String hung = "vtd" + index;
      Bench again = Bench.two(CAP, ECAP, CAP).impatient();
      Iommu other = again.open();
      Domain home = domain(other, "host");
      Domain guest = domain(other, "vm");
      home.map(0x10000, 0x10000, PAGE, Access.READ_WRITE);
      guest.map(0x10000, 0x20000, PAGE, Access.READ_WRITE);
      other.move(List.of(NIC, GPU), home);
      other.enable();
      again.units.get(index).hangInvalidations = true;
      assertFails(Errno.ETIMEDOUT, () -> other.move(List.of(NIC, GPU), guest), hung);
      assertThat(other.domainOf(NIC)).contains(home);
      assertThat(other.domainOf(GPU)).contains(home);
      assertThat(again.units.get(0).dma(GPU.id16(), 0x10000, true)).isEqualTo(0x10000);
      assertThat(again.units.get(1).dma(NIC.id16(), 0x10000, true)).isEqualTo(0x10000);
    }
  }

  @Test
  void aDomainThatAUnitCannotWalkIsRefusedThere() {
    // The second unit has 48 bits with 4 levels only.
    long tall = (CAP & ~(0x1fL << 8 | 0x3fL << 16)) | 4L << 8 | 47L << 16;
    Bench bench = Bench.two(CAP, ECAP, tall);
    Iommu iommu = bench.open();
    Domain low = domain(iommu, "low");
    Domain high = iommu.createDomain(new DomainSpec("high", (1L << 48) - 1));
    assertThat(low.lastIova()).isEqualTo((1L << 39) - 1);
    assertThat(high.lastIova()).isEqualTo((1L << 48) - 1);
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(GPU, NIC), low), "vtd1", "3 levels");
    assertThat(iommu.domainOf(GPU)).isEmpty();
    iommu.move(List.of(GPU), low);
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(GPU), high), "vtd0");
    iommu.move(List.of(NIC), high);
    assertFails(Errno.EINVAL, () -> low.map(1L << 39, 0, PAGE, Access.READ), "0x8000000000");
    assertFails(Errno.EINVAL, () -> low.map(-PAGE, 0, PAGE, Access.READ), "low");
    assertFails(Errno.EINVAL, () -> low.map((1L << 39) - PAGE, 0, 2 * PAGE, Access.READ), "low");
  }

  @Test
  void aFunctionWithoutUnitIsRefusedAndNothingMoves() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Rid foreign = new Rid(1, 0, 2, 0);
    assertFails(Errno.ENXIO, () -> iommu.move(List.of(NIC, foreign), host), "0001:00:02.0", "DRHD");
    assertThat(iommu.domainOf(NIC)).isEmpty();
    assertThat(iommu.unitOf(foreign)).isEmpty();
    Bench elsewhere = Bench.one(CAP, ECAP);
    Domain theirs = domain(elsewhere.open(), "theirs");
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(DISK), theirs), "theirs");
  }

  @Test
  void i13_aQueueThatIsNeverReadEndsTheWaitToo() {
    Bench bench = Bench.one(CAP | 1L << 7, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    bench.unit().hangInvalidations = true;
    List<Rid> rids = new ArrayList<>();
    for (int id = 0x100; id < 0x100 + 300; id++) {
      rids.add(Rid.of(0, id));
    }
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(rids, host), "full invalidation queue");
  }

  @Test
  void aUnitWithAWriteBufferIsFlushedAfterMapsAndBeforeInvalidations() {
    Bench bench = Bench.one(CAP | 1L << 4, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().invalidations.clear();
    vm.map(0x1000, 0x2000, PAGE, Access.READ_WRITE);
    assertThat(bench.unit().invalidations).isEmpty();
    iommu.move(List.of(NIC), vm);
    vm.map(0x3000, 0x4000, PAGE, Access.READ_WRITE);
    vm.unmap(0x3000, PAGE);
    assertThat(bench.unit().invalidations)
        .containsExactly(
            "write buffer",
            "context global",
            "iotlb domain 1",
            "write buffer",
            "write buffer",
            "iotlb pages 2 0x3000 0 hint");
    bench.checkRules();
  }

  @Test
  void cachingModeIsToldOfNewEntriesWithDomainIdZeroAndTheirTranslationsWithTheirOwn() {
    Bench bench = Bench.one(CAP | 1L << 7, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    bench.unit().invalidations.clear();
    iommu.move(List.of(NIC), host);
    assertThat(bench.unit().invalidations)
        .containsExactly("context device 0 " + NIC.id16(), "iotlb domain 1");
  }
}
