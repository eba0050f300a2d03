package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.FAR;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
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

/** What a unit is not told, since it need not know; and what it is told when it stopped. */
class QuietUnitTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long CM = 1L << 7;
  private static final long RWBF = 1L << 4;
  private static final long PAGE = 0x1000;
  private static final long TES = 1L << 31;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @ParameterizedTest
  @ValueSource(longs = {0, CM, RWBF, CM | RWBF})
  void aUnitThatIsOffIsToldNothing(long more) {
    Bench bench = Bench.one(CAP | more, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC, DISK), host);
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    host.unmap(0x3000, PAGE);
    iommu.move(List.of(NIC), vm);
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    vm.unmap(0x3000, PAGE);
    assertThat(bench.unit().writes).isEmpty();
    iommu.enable();
    assertThat(bench.write(NIC, 0x4000)).isEqualTo(0x9000);
    assertThat(bench.write(DISK, 0x4000)).isEqualTo(0x9000);
    bench.checkRules();
  }

  @Test
  void entriesThatWereNotPresentNeedNoFlushOnAUnitThatDoesNotRememberThem() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    int writes = bench.unit().writes.size();
    host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(FAR), host);
    assertThat(bench.unit().writes).hasSize(writes);
    assertThat(bench.write(FAR, 0x3000)).isEqualTo(0x8000);
    bench.checkRules();
  }

  @Test
  void entriesThatWereNotPresentLeaveTheWriteBuffer() {
    Bench bench = Bench.one(CAP | RWBF, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    bench.unit().invalidations.clear();
    iommu.move(List.of(FAR), host);
    assertThat(bench.unit().invalidations).containsExactly("write buffer");
    bench.checkRules();
  }

  @Test
  void aMoveAfterTheUnitWasTurnedOffHealsWhatItDidNotConfirm() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd0");
    bench.unit().hangInvalidations = false;
    iommu.disable();
    iommu.move(List.of(NIC), vm);
    assertThat(iommu.domainOf(NIC)).contains(vm);
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.checkRules();
  }

  @Test
  void i13_noUnitSwitchesIfAnotherOfTheMoveIsInDoubt() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, GPU), host);
    iommu.enable();
    FakeVtdUnit doubtful = bench.units.get(0);
    doubtful.hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> host.unmap(0x3000, PAGE), "vtd0");
    long before = bench.memory.allocatedBytes();
    int writes = bench.units.get(1).writes.size();
    // The other unit's turn would come first.
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC, GPU), vm), "vtd0", "earlier invalidation");
    assertThat(bench.units.get(1).writes).hasSize(writes);
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
  }

  @Test
  void i13_theFirstFailureIsTheOneThatIsTold() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().onRequests =
        () -> {
          bench.memory.afterStore = () -> fail("the second failure");
          fail("the first failure");
        };
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), vm), "the first failure");
    bench.memory.afterStore = () -> {};
    bench.unit().onRequests = () -> {};
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), vm), "earlier", "the first failure");
  }

  private static void fail(String what) {
    throw new IllegalStateException(what);
  }

  @Test
  void theQueueHasAPageOfItsOwnAndSoHasTheStatus() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    long before = bench.memory.allocatedBytes();
    iommu.enable();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before + 2 * PAGE);
    long queue = bench.unit().peek(0x90);
    assertThat(queue % PAGE).isZero();
    assertThat(queue).isNotZero();
    // The second descriptor of the start is a wait: its high word leads to the status.
    assertThat(bench.memory.read64(queue + 16) & 0xf).isEqualTo(5);
    assertThat(bench.memory.read64(queue + 24) & -PAGE).isNotZero().isNotEqualTo(queue);
    iommu.disable();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    assertThat(bench.memory.isFree(queue)).isTrue();
  }

  @Test
  void aStartThatFailsBeforeTheQueueFreesNoneAndCommandsNone() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    long before = bench.memory.allocatedBytes();
    // GSTS_REG.RTPS, bit 30, never comes.
    bench.unit().stuckStatus = 1L << 30;
    List<Long> commands = new ArrayList<>();
    bench.unit().onCommand = commands::add;
    List<Long> freed = new ArrayList<>();
    bench.memory.beforeFree = () -> freed.add(bench.memory.allocatedBytes());
    assertFails(Errno.ETIMEDOUT, iommu::enable, "vtd0", "root table");
    // SRTP; TE off, which it was; SRTP with what was there before.
    assertThat(commands).containsExactly(1L << 30, 0L, 1L << 30);
    assertThat(freed).isEmpty();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
  }

  @Test
  void anUnansweredRequestIsToldWithWhereTheQueueStands() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.unit().hangInvalidations = true;
    // Four descriptors at the start, two here.
    assertFails(
        Errno.ETIMEDOUT, () -> vm.unmap(0x3000, PAGE), "IQT_REG 0x60:", "IQH_REG reads 0x40");
  }

  @Test
  void i13_anErrorOfAFullQueueIsToldAndNotWaitedOut() {
    Bench bench = Bench.one(CAP | CM, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    bench.unit().queueError = 4;
    List<Rid> rids = new ArrayList<>();
    for (int id = 0x100; id < 0x100 + 300; id++) {
      rids.add(Rid.of(0, id));
    }
    assertFails(Errno.EIO, () -> iommu.move(rids, host), "IQE", "reserved bits");
  }

  @Test
  void i13_aFullQueueIsToldWithItsTail() {
    Bench bench = Bench.one(CAP | CM, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.enable();
    bench.unit().hangInvalidations = true;
    List<Rid> rids = new ArrayList<>();
    for (int id = 0x100; id < 0x100 + 300; id++) {
      rids.add(Rid.of(0, id));
    }
    // The head stands at the fifth of 256 descriptors; one is always left free.
    assertFails(
        Errno.ETIMEDOUT, () -> iommu.move(rids, host), "IQH_REG still reads 0x40", "IQT_REG 0x30");
  }

  @Test
  void i04_protectedMemoryThatDoesNotCloseIsToldAndTranslationIsOffAllTheSame() {
    // PLMR and PHMR.
    Bench bench = Bench.one(CAP | 0x60L, ECAP).impatient();
    bench.unit().preset(0x64, 0x80000001L);
    Iommu iommu = bench.open();
    iommu.enable();
    // PMEN_REG.PRS stays clear.
    bench.unit().onRead =
        offset -> {
          if (offset == 0x64) {
            bench.unit().preset(0x64, 0x80000000L);
          }
        };
    assertFails(Errno.ETIMEDOUT, iommu::close, "vtd0", "PMEN_REG");
    assertThat(bench.unit().peek(0x1c) & TES).isZero();
    bench.unit().onRead = offset -> {};
    iommu.close();
    assertThat(bench.unit().peek(0x64)).isEqualTo(0x80000001L);
    assertThat(bench.memory.allocatedBytes()).isZero();
  }

  /** CAP_REG.DWD is bit 54 and DRD bit 55; the unit notes a drain too many or too few. */
  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2, 3})
  void translationsAreFlushedWithTheDrainsThatTheUnitHas(long drains) {
    long cap = (CAP & ~(3L << 54)) | drains << 54;
    for (Bench bench : List.of(Bench.one(cap, ECAP), Bench.one(cap, ECAP).registers())) {
      Iommu iommu = bench.open();
      Domain vm = domain(iommu, "vm");
      vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
      iommu.move(List.of(NIC), vm);
      iommu.enable();
      vm.unmap(0x3000, PAGE);
      iommu.move(List.of(NIC), domain(iommu, "other"));
      bench.checkRules();
    }
  }

  @Test
  void requestsByRegistersSayAsMuchAsThoseOfTheQueue() {
    Bench bench = Bench.one(CAP | CM, ECAP).registers();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.enable();
    assertThat(bench.write(FAR, 0x3000)).isEqualTo(-1);
    bench.unit().invalidations.clear();
    iommu.move(List.of(FAR), vm);
    assertThat(bench.write(FAR, 0x3000)).isEqualTo(0x8000);
    vm.unmap(0x3000, PAGE);
    assertThat(bench.unit().invalidations)
        .containsExactly(
            "context device 0 " + FAR.id16(), "iotlb domain 1", "iotlb pages 1 0x3000 0 hint");
    bench.checkRules();
  }

  @Test
  void i05_aContextRequestThatTheUnitRefusedIsAFailure() {
    Bench bench = Bench.one(CAP, ECAP).registers();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().refuseInvalidations = true;
    assertFails(
        Errno.EIO, () -> iommu.move(List.of(NIC), domain(iommu, "vm")), "CCMD_REG", "granularity");
    assertThat(iommu.domainOf(NIC)).contains(host);
  }

  @Test
  void aUnitWithoutFaultsIsAskedForItsStatusAlone() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    long reads = bench.unit().reads;
    int writes = bench.unit().writes.size();
    iommu.drainFaults();
    assertThat(bench.unit().reads).isEqualTo(reads + 1);
    assertThat(bench.unit().writes).hasSize(writes);
  }
}
