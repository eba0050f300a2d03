package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.FAR;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.pci.Rid;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a move, made or not, leaves behind: which units know a domain, and by which id. */
class MoveLeavesNothingTest {
  private static final long CAP = FakeVtdUnit.CAP;

  /** ND = 0: 16 ids, of which 0 is not used. */
  private static final long FEW_IDS = CAP & ~7L;

  private static final long CM = 1L << 7;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  /** Bits 87:72 of the context entry. */
  private static long domainId(FakeVtdUnit unit, Rid rid) {
    return unit.entryInMemory(rid.id16())[1] >>> 8 & 0xffff;
  }

  @Test
  void aDomainHasOneIdOnAUnitHoweverItsDevicesCame() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    iommu.move(List.of(DISK), host);
    iommu.enable();
    iommu.move(List.of(FAR), host);
    assertThat(domainId(bench.unit(), NIC)).isEqualTo(1);
    assertThat(domainId(bench.unit(), DISK)).isEqualTo(1);
    assertThat(domainId(bench.unit(), FAR)).isEqualTo(1);
  }

  @Test
  void aDomainThatItsDevicesLeftIsNotFlushedAnyMoreAndOneThatTheyDidNotIs() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    host.map(0x3000, 0x8000, 3 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, DISK, GPU), host);
    iommu.enable();
    FakeVtdUnit gpu = bench.units.get(0);
    FakeVtdUnit rest = bench.units.get(1);
    iommu.move(List.of(GPU), domain(iommu, "vm"));
    gpu.invalidations.clear();
    rest.invalidations.clear();
    host.unmap(0x3000, PAGE);
    assertThat(gpu.invalidations).isEmpty();
    assertThat(rest.invalidations).containsExactly("iotlb pages 1 0x3000 0 hint");
    iommu.move(List.of(NIC), domain(iommu, "vm2"));
    rest.invalidations.clear();
    // The disk is in it still.
    host.unmap(0x4000, PAGE);
    assertThat(rest.invalidations).containsExactly("iotlb pages 1 0x4000 0 hint");
    bench.checkRules();
  }

  @Test
  void aMoveThatCannotBePreparedTakesNoDomainId() {
    Bench bench = Bench.one(FEW_IDS, ECAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.enable();
    long before = bench.memory.allocatedBytes();
    for (int i = 0; i < 20; i++) {
      bench.memory.afterStore = MoveLeavesNothingTest::refuse;
      assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), vm), "new context entries");
      bench.memory.afterStore = () -> {};
    }
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    int writes = bench.unit().writes.size();
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    vm.unmap(0x3000, PAGE);
    assertThat(bench.unit().writes).hasSize(writes);
    for (int i = 0; i < 15; i++) {
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain(iommu, "d" + i));
    }
  }

  private static void refuse() {
    throw new IllegalStateException("no store");
  }

  @Test
  void aMoveThatCannotBePreparedLeavesTheUnitKnownWhereADeviceIsAlready() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.memory.afterStore = MoveLeavesNothingTest::refuse;
    assertFails(Errno.EIO, () -> iommu.move(List.of(DISK), host), "new context entries");
    bench.memory.afterStore = () -> {};
    host.unmap(0x3000, PAGE);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
    bench.checkRules();
  }

  @Test
  void aMoveThatTheSecondUnitCannotPrepareIsDroppedOnTheFirst() {
    Bench bench = Bench.two(FEW_IDS, ECAP, FEW_IDS).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(GPU), host);
    iommu.enable();
    FakeVtdUnit rest = bench.units.get(1);
    bench.units.get(0).hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> host.unmap(0x3000, PAGE), "vtd0");
    long before = bench.memory.allocatedBytes();
    int writes = rest.writes.size();
    for (int i = 0; i < 20; i++) {
      assertFails(Errno.EIO, () -> iommu.move(List.of(NIC, GPU), vm), "vtd0");
    }
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    vm.unmap(0x3000, PAGE);
    assertThat(rest.writes).hasSize(writes);
    for (int i = 0; i < 15; i++) {
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain(iommu, "d" + i));
    }
  }

  @Test
  void aMoveThatTheFirstUnitDidNotConfirmNeverReachesTheSecond() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, GPU), domain(iommu, "host"));
    iommu.enable();
    FakeVtdUnit gpu = bench.units.get(0);
    bench.units.get(1).hangInvalidations = true;
    long before = bench.memory.allocatedBytes();
    int writes = gpu.writes.size();
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC, GPU), vm), "vtd1");
    // One context table is kept for good: the one that the unit in doubt may still read.
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before + PAGE);
    // That unit alone may know the new domain.
    assertFails(Errno.EIO, () -> vm.unmap(0x3000, PAGE), "vtd1");
    assertThat(gpu.writes).hasSize(writes);
  }

  @Test
  void aMoveThatWasTakenBackOnAUnitLeavesTheNewDomainUnknownThere() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, GPU), domain(iommu, "host"));
    iommu.enable();
    FakeVtdUnit rest = bench.units.get(1);
    bench.units.get(0).hangInvalidations = true;
    long before = bench.memory.allocatedBytes();
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC, GPU), vm), "vtd0");
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before + PAGE);
    int writes = rest.writes.size();
    assertFails(Errno.EIO, () -> vm.unmap(0x3000, PAGE), "vtd0");
    assertThat(rest.writes).hasSize(writes);
  }

  @Test
  void i02_aMoveOfABusThatWasEmptyIsTakenBackToAnEmptyBus() {
    Bench bench = Bench.one(CAP | CM, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.enable();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(FAR), vm), "vtd0");
    assertThat(bench.memory.unitRead64(bench.unit().latchedRoot() + 16L * 0xff)).isZero();
    assertThat(bench.write(FAR, 0x3000)).isEqualTo(-1);
  }

  @Test
  void i02_theOtherFunctionsOfANewBusAreAbsentWhateverLiesAtAddressZero() {
    Bench bench = Bench.one(CAP, ECAP);
    bench.memory.fill64(0, 512, -1L, 0);
    Iommu iommu = bench.open();
    iommu.move(List.of(FAR), domain(iommu, "vm"));
    iommu.enable();
    assertThat(bench.unit().entryInMemory(FAR.id16() - 1)).containsExactly(0, 0);
    assertThat(bench.unit().entryInMemory(FAR.id16())[0] & 1).isEqualTo(1);
  }

  @Test
  void i13_nothingIsShownToAUnitThatFellIntoDoubtWhileTheMoveWasPrepared() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    long old = domainId(bench.unit(), NIC);
    Set<Long> seen = new HashSet<>();
    bench.memory.afterStore =
        () -> {
          bench.memory.afterStore = () -> seen.add(domainId(bench.unit(), NIC));
          bench.unit().hangInvalidations = true;
          assertThat(catchThrowable(() -> host.unmap(0x3000, PAGE))).isNotNull();
        };
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), vm), "earlier invalidation");
    assertThat(seen).containsExactly(old);
  }

  /** A requester id of the unit that takes the rest, until it is the first VF of the GPU. */
  private static final Rid LATER = Rid.parse("00:05.1");

  private static void turnVfsOn(Bench bench) {
    bench
        .machine
        .pci()
        .functions
        .get(GPU)
        .config
        .putShort(0x108, (short) 1)
        .putShort(0x110, (short) 1)
        .putShort(0x114, (short) 1)
        .putShort(0x116, (short) 1);
  }

  @Test
  void i05_aDeviceThatComesToAnotherUnitWithinItsDomainIsFlushedThere() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(LATER), host);
    iommu.enable();
    turnVfsOn(bench);
    iommu.move(List.of(LATER), host);
    FakeVtdUnit gpu = bench.units.get(0);
    assertThat(gpu.dma(LATER.id16(), 0x3000, true)).isEqualTo(0x8000);
    host.unmap(0x3000, PAGE);
    assertThat(gpu.dma(LATER.id16(), 0x3000, true)).isEqualTo(-1);
    assertThat(gpu.dma(LATER.id16(), 0x4000, true)).isEqualTo(0x9000);
    bench.checkRules();
  }

  @Test
  void i05_aDeviceLeavesADomainThatItsNewUnitNeverKnew() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(LATER), host);
    iommu.enable();
    turnVfsOn(bench);
    iommu.move(List.of(LATER), vm);
    assertThat(iommu.domainOf(LATER)).contains(vm);
    for (FakeVtdUnit unit : bench.units) {
      assertThat(unit.dma(LATER.id16(), 0x3000, true)).isEqualTo(0x8000);
    }
    host.close();
    bench.checkRules();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aMoveThatAnotherUnitFailsLeavesTheUnitKnownWhereTheDomainIsAlready(boolean hungIsFirst) {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(DISK), vm);
    iommu.enable();
    FakeVtdUnit rest = bench.units.get(1);
    bench.units.get(0).hangInvalidations = true;
    List<Rid> rids = hungIsFirst ? List.of(GPU, NIC) : List.of(NIC, GPU);
    iommu.move(rids, domain(iommu, "host"));
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(rids, vm), "vtd0");
    assertThat(rest.dma(DISK.id16(), 0x3000, true)).isEqualTo(0x8000);
    assertThat(rest.dma(DISK.id16(), 0x4000, true)).isEqualTo(0x9000);
    assertThat(catchThrowable(() -> vm.unmap(0x3000, PAGE))).hasMessageContaining("vtd0");
    assertThat(rest.dma(DISK.id16(), 0x3000, true)).isEqualTo(-1);
    // The unit in doubt refuses from now on before anything is done.
    assertFails(Errno.EIO, () -> iommu.move(rids, vm), "vtd0");
    assertThat(catchThrowable(() -> vm.unmap(0x4000, PAGE))).hasMessageContaining("vtd0");
    assertThat(rest.dma(DISK.id16(), 0x4000, true)).isEqualTo(-1);
  }
}
