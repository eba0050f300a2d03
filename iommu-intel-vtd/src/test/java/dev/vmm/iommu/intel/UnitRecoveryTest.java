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
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.pci.Rid;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the driver does after a unit failed it: no unit is taken for on, off or idle on hope. */
class UnitRecoveryTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;
  private static final long TES = 1L << 31;
  private static final long QIES = 1L << 26;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @Test
  void i13_aStartAfterAStopThatFailedTakesNoSecondQueue() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    long running = bench.memory.allocatedBytes();
    bench.unit().stuckStatus = QIES;
    assertFails(Errno.ETIMEDOUT, iommu::disable, "vtd0", "QIE");
    // The queue may still be read: it is there, and the unit is not set up again.
    assertThat(bench.memory.allocatedBytes()).isEqualTo(running);
    int writes = bench.unit().writes.size();
    assertFails(Errno.ETIMEDOUT, iommu::enable, "vtd0", "QIE");
    assertThat(bench.memory.allocatedBytes()).isEqualTo(running);
    assertThat(bench.unit().writes.subList(writes, bench.unit().writes.size()))
        .noneMatch(write -> write.startsWith("90=") || write.startsWith("20="));
    bench.unit().stuckStatus = 0;
    iommu.enable();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(running);
    iommu.close();
    host.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    // The second stop does not wait for ever for the command of the first.
    assertThat(bench.unit().violations).containsExactly("command while one is not done: 0x4000000");
  }

  @Test
  void i13_aFailedCloseCanBeTriedAgainAndThenGivesEverythingBack() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC, GPU), host);
    iommu.enable();
    bench.units.get(1).stuckStatus = TES;
    assertFails(Errno.ETIMEDOUT, iommu::close, "vtd1", "GSTS_REG");
    assertThat(bench.units.get(0).peek(0x1c) & TES).isZero();
    // The second unit may still walk its tables: they are there, and so is what they hold.
    assertThat(bench.units.get(1).dma(NIC.id16(), 0x5000, true)).isEqualTo(-1);
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(DISK), host), "closed");
    assertFails(Errno.ETIMEDOUT, iommu::close, "vtd1");
    bench.units.get(1).stuckStatus = 0;
    iommu.close();
    assertThat(bench.units.get(1).peek(0x1c) & (TES | QIES)).isZero();
    host.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    int writes = bench.units.get(1).writes.size();
    iommu.close();
    assertThat(bench.units.get(1).writes).hasSize(writes);
    bench.checkRules();
  }

  @Test
  void i04_aUnitThatCouldBeTurnedNeitherOnNorOffIsNotTakenForOn() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    FakeVtdUnit unit = bench.unit();
    unit.onCommand =
        command -> {
          if ((command & TES) != 0) {
            unit.lag = 1 << 30; // It will be on later than we wait...
          } else if (unit.lag == 1 << 30) {
            unit.lag = 2;
            unit.preset(0x1c, TES | QIES | 1L << 30);
            unit.stuckStatus = TES; // ... and then stays on.
          }
        };
    assertFails(Errno.ETIMEDOUT, iommu::enable, "vtd0", "GSTS_REG", "to set TE");
    unit.onCommand = command -> {};
    assertFails(Errno.ETIMEDOUT, iommu::enable, "vtd0", "to clear TE");
    unit.stuckStatus = 0;
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.checkRules();
  }

  @Test
  void i13_aRequestThatIsStillPendingIsNotTakenForTheNextOnes() {
    Bench bench = Bench.one(CAP, ECAP).registers().impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> host.unmap(0x3000, PAGE), "IOTLB_REG");
    iommu.disable();
    assertFails(Errno.ETIMEDOUT, iommu::enable, "IOTLB_REG");
    bench.unit().hangInvalidations = false;
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
    bench.checkRules();
  }

  /** There is nothing that ends such a wait but the unit, or a reset of the machine. */
  @Test
  void i13_aUnitWhoseInvalidationRegisterHangsForGoodIsTurnedOffAndRefusedAtEveryStart() {
    Bench bench = Bench.one(CAP, ECAP).registers().impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    Domain other = domain(iommu, "other");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> vm.unmap(0x3000, PAGE), "vtd0", "IOTLB_REG", " ms");
    assertFails(Errno.EIO, () -> iommu.move(List.of(NIC), other), "vtd0", "earlier invalidation");
    iommu.close();
    assertThat(bench.unit().peek(0x1c) & TES).isZero();
    for (int i = 0; i < 2; i++) {
      Iommu again = bench.open();
      assertFails(Errno.ETIMEDOUT, again::enable, "vtd0", "IOTLB_REG", " ms");
      assertThat(bench.unit().peek(0x1c) & TES).isZero();
      again.close();
    }
    bench.unit().hangInvalidations = false;
    Iommu healed = bench.open();
    healed.enable();
    assertThat(healed.enabled()).isTrue();
    healed.close();
    bench.checkRules();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i13_nothingIsMappedThroughAUnitThatDidNotConfirmAnUnmap(boolean queue) {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = (queue ? bench : bench.registers()).open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> vm.unmap(0x3000, PAGE), "vtd0");
    // The device still reaches the old page at this address, whatever the tables would say.
    assertFails(
        Errno.EIO, () -> vm.map(0x3000, 0xa000, PAGE, Access.READ_WRITE), "earlier invalidation");
    assertThat(vm.translate(0x3000)).isEmpty();
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
  }

  @Test
  void i14_aUnitThatIsGoneIsCommandedNothing() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    iommu.disable();
    bench.unit().dead = true;
    bench.unit().writes.clear();
    assertFails(Errno.EIO, iommu::enable, "vtd0", "0xfed90000", "is gone", "0xffffffff");
    // All ones would have every function on, interrupt remapping too.
    assertThat(bench.unit().writes).noneMatch(write -> write.startsWith("18="));
    assertFails(Errno.EIO, iommu::close, "vtd0");
  }

  @Test
  void i16_aUnitThatIsGoneHidesNoOthersFaultsAndInventsNone() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC, GPU), domain(iommu, "blocked"));
    iommu.enable();
    bench.units.get(0).dead = true;
    bench.units.get(1).dma(NIC.id16(), 0x7000, true);
    assertThat(iommu.drainFaults().faults()).extracting(DmaFault::iova).containsExactly(0x7000L);
    assertFails(Errno.EIO, iommu::drainFaults, "vtd0", "FSTS_REG", "0xffffffff");
  }

  @Test
  void i05_aDeviceThatTurnsOutToBeAnotherUnitsDoesNotMakeThatUnitForgetADomainInUse() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    Rid later = Rid.parse("00:05.1");
    iommu.move(List.of(NIC, GPU, later), host);
    iommu.enable();
    assertThat(iommu.unitOf(later)).contains("vtd1");
    // VFs are turned on: the requester id is the first VF of the GPU, which is behind vtd0.
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
    assertThat(iommu.unitOf(later)).contains("vtd0");
    iommu.move(List.of(later), vm);
    FakeVtdUnit gpu = bench.units.get(0);
    assertThat(gpu.dma(GPU.id16(), 0x3000, true)).isEqualTo(0x8000);
    host.unmap(0x3000, PAGE);
    assertThat(gpu.dma(GPU.id16(), 0x3000, true)).isEqualTo(-1);
    assertThat(gpu.dma(GPU.id16(), 0x4000, true)).isEqualTo(0x9000);
    iommu.move(List.of(NIC, GPU, later), vm);
    host.close();
    vm.map(0x5000, 0xa000, PAGE, Access.READ_WRITE);
    // The entry in the unit that it was taken to be behind went with it.
    for (FakeVtdUnit unit : bench.units) {
      assertThat(unit.dma(later.id16(), 0x5000, true)).isEqualTo(0xa000);
      assertThat(unit.dma(later.id16(), 0x4000, true)).isEqualTo(-1);
    }
    bench.checkRules();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i05_whatAUnitKnewBeforeTheStartIsForgottenContextEntriesFirst(boolean queue) {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = (queue ? bench : bench.registers()).open();
    bench.unit().onRequests = () -> assertThat(bench.unit().peek(0x1c) & TES).isZero();
    iommu.enable();
    assertThat(bench.unit().invalidations).containsExactly("context global", "iotlb global");
    bench.checkRules();
  }

  @Test
  void i14_interruptRemappingThatSomebodyElseTurnsOnStaysOn() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    long others = 1L << 25 | 1L << 23; // IRES and CFIS
    bench.unit().preset(0x1c, others);
    iommu.enable();
    assertThat(bench.unit().peek(0x1c) & others).isEqualTo(others);
    iommu.close();
    assertThat(bench.unit().peek(0x1c) & (others | TES | QIES)).isEqualTo(others);
    bench.checkRules();
  }

  @Test
  void i05_aMoveThatIsTakenBackIsForgottenByTheUnitThatHadMadeIt() {
    // ND = 0: 16 ids, so that one that was given back comes again soon.
    Bench bench = Bench.two(CAP & ~7L, ECAP, CAP & ~7L).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0x3000, 0x3000, PAGE, Access.READ_WRITE);
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, DISK, GPU), host);
    iommu.enable();
    FakeVtdUnit first = bench.units.get(1);
    FakeVtdUnit second = bench.units.get(0);
    second.hangInvalidations = true;
    // Between the two units' moves the device of the first one uses the new domain.
    second.onRequests = () -> assertThat(first.dma(NIC.id16(), 0x3000, true)).isEqualTo(0x8000);
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC, GPU), vm), "vtd0");
    assertThat(first.dma(NIC.id16(), 0x3000, true)).isEqualTo(0x3000);
    // Nor does the first unit know the domain id any more, which the next domain gets there.
    for (int i = 0; i < 16; i++) {
      iommu.move(List.of(DISK), domain(iommu, "empty" + i));
      assertThat(first.dma(DISK.id16(), 0x3000, true)).isEqualTo(-1);
    }
    bench.checkRules();
  }

  @Test
  void i13_anErrorOfTheQueueFromBeforeTheStartIsNotTheDrivers() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    bench.unit().preset(0x34, 0x10);
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    bench.checkRules();
  }

  @Test
  void i02_aRootTableInAPageUsedBeforeIsEmptyForAUnitThatDoesNotSnoop() {
    Bench bench = Bench.one(CAP, ECAP);
    long used = bench.memory.allocate(64 * PAGE, PAGE);
    bench.memory.free(used, 64 * PAGE);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "host"));
    iommu.enable();
    for (int bus = 1; bus < 256; bus++) {
      assertThat(bench.memory.unitRead64(bench.unit().latchedRoot() + 16L * bus)).isZero();
    }
  }

  @Test
  void i05_aRequestThatTheUnitRefusedIsAFailure() {
    Bench bench = Bench.one(CAP, ECAP).registers();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.unit().refuseInvalidations = true;
    assertFails(Errno.EIO, () -> vm.unmap(0x3000, PAGE), "vtd0", "IOTLB_REG", "granularity");
  }

  @Test
  void i13_tablesOfAUnitThatStayedOnAreKeptWhenTheirDomainIsClosed() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().stuckStatus = TES;
    assertFails(Errno.ETIMEDOUT, iommu::close, "vtd0");
    long before = bench.memory.allocatedBytes();
    host.close();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    // It translates still, by nothing but those tables.
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
  }

  @Test
  void i13_tablesThatAUnitDidNotForgetAreKeptWhenTheirDomainIsClosed() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), host);
    iommu.enable();
    // The device uses the new domain before the move turns out to fail.
    bench.unit().onRequests = () -> assertThat(bench.write(NIC, 0x7000)).isEqualTo(-1);
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd0");
    long before = bench.memory.allocatedBytes();
    assertFails(Errno.EIO, vm::close, "vtd0", "earlier invalidation");
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    // The unit has not forgotten that entry, and finds its tables whole.
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void i05_anUnmapIsToldToTheUnitsAfterOneThatFailed(int hung) {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, GPU), vm);
    iommu.enable();
    int[] ids = {GPU.id16(), NIC.id16()};
    for (int i = 0; i < 2; i++) {
      assertThat(bench.units.get(i).dma(ids[i], 0x3000, true)).isEqualTo(0x8000);
    }
    bench.units.get(hung).hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> vm.unmap(0x3000, PAGE), "vtd" + hung);
    assertThat(bench.units.get(hung).dma(ids[hung], 0x3000, true)).isEqualTo(0x8000);
    int other = 1 - hung;
    assertThat(bench.units.get(other).dma(ids[other], 0x3000, true)).isEqualTo(-1);
    bench.checkRules();
  }

  @Test
  void i13_aContextRequestThatIsStillPendingIsWaitedForBeforeTheNext() {
    Bench bench = Bench.one(CAP, ECAP).registers().impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), domain(iommu, "vm")), "CCMD_REG");
    iommu.disable();
    assertFails(Errno.ETIMEDOUT, iommu::enable, "CCMD_REG");
    bench.unit().hangInvalidations = false;
    iommu.enable();
    bench.checkRules();
  }
}
