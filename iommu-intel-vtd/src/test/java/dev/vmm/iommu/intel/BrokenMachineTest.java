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
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/**
 * A machine that throws what is not the platform's exception, in the middle of a change: it is told
 * as EIO, and counts as a unit that did not confirm.
 */
class BrokenMachineTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;
  private static final long TES = 1L << 31;
  private static final String GONE = "the machine has gone away";

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  private static void fail() {
    throw new IllegalStateException(GONE);
  }

  @Test
  void i13_anInvalidationThatTheMachineBreaksOffIsNotConfirmed() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.unit().onRequests = BrokenMachineTest::fail;
    assertFails(Errno.EIO, () -> vm.unmap(0x3000, PAGE), "vtd0", "0xfed90000", GONE);
    bench.unit().onRequests = () -> {};
    assertFails(Errno.EIO, () -> vm.unmap(0x4000, PAGE), "earlier invalidation", GONE);
  }

  @Test
  void i13_aWriteBufferThatTheMachineDoesNotFlushIsNotFlushed() {
    Bench bench = Bench.one(CAP | 1L << 4, ECAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.unit().onCommand = command -> fail();
    assertFails(Errno.EIO, () -> vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE), "vtd0", GONE);
    bench.unit().onCommand = command -> {};
    assertFails(
        Errno.EIO, () -> vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE), "earlier invalidation");
  }

  /** Two units, and both devices in {@code host}; a move of both to {@code vm}. */
  private static final class TwoUnits {
    final Bench bench = Bench.two(CAP, ECAP, CAP);
    final Iommu iommu = bench.open();
    final Domain host = domain(iommu, "host");
    final Domain vm = domain(iommu, "vm");

    TwoUnits() {
      host.map(0x3000, 0x3000, PAGE, Access.READ_WRITE);
      vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
      iommu.move(List.of(NIC, GPU), host);
      iommu.enable();
      assertBothReach(0x3000);
    }

    void move() {
      iommu.move(List.of(NIC, GPU), vm);
    }

    void assertBothReach(long hpa) {
      assertThat(bench.units.get(0).dma(GPU.id16(), 0x3000, true)).isEqualTo(hpa);
      assertThat(bench.units.get(1).dma(NIC.id16(), 0x3000, true)).isEqualTo(hpa);
    }
  }

  @Test
  void everyUnitIsTurnedOffWhicheverPageTheMachineDoesNotTakeBack() {
    boolean failed = true;
    for (int nth = 1; failed; nth++) {
      assertThat(nth).as("frees of one close").isLessThan(100);
      TwoUnits two = new TwoUnits();
      AtomicInteger left = new AtomicInteger(nth);
      two.bench.memory.beforeFree =
          () -> {
            if (left.decrementAndGet() == 0) {
              fail();
            }
          };
      try {
        two.iommu.close();
        failed = false;
      } catch (VmmException e) {
        assertThat(e.errno()).isEqualTo(Errno.EIO);
        assertThat(e).hasMessageContaining(GONE);
      }
      two.bench.units.forEach(unit -> assertThat(unit.peek(0x1c) & TES).as("GSTS.TES").isZero());
    }
  }

  @Test
  void i16_aUnitWhoseFaultsCannotBeReadHidesNotThoseOfTheOthers() {
    TwoUnits two = new TwoUnits();
    two.bench.units.get(1).fault(NIC.id16(), 0x9000, true, 5);
    two.bench.units.get(0).onRead = offset -> fail();
    assertThat(two.iommu.drainFaults().faults())
        .singleElement()
        .satisfies(fault -> assertThat(fault.rid()).isEqualTo(NIC));
    assertFails(Errno.EIO, two.iommu::drainFaults, "vtd0", GONE);
  }

  @Test
  void aMoveThatTheMachineBreaksOffOnOneUnitIsTakenBackOnAll() {
    for (int broken = 0; broken < 2; broken++) {
      TwoUnits two = new TwoUnits();
      two.bench.units.get(broken).onRequests = BrokenMachineTest::fail;
      assertFails(Errno.EIO, two::move, "vtd" + broken, GONE);
      assertThat(two.iommu.domainOf(NIC)).contains(two.host);
      assertThat(two.iommu.domainOf(GPU)).contains(two.host);
      two.assertBothReach(0x3000);
      two.bench.units.get(broken).onRequests = () -> {};
      assertFails(Errno.EIO, two::move, "vtd" + broken, "earlier invalidation");
    }
  }

  @Test
  void aMoveIsAllOrNoneWhicheverStoreTheMachineRefuses() {
    AtomicInteger stores = new AtomicInteger();
    TwoUnits whole = new TwoUnits();
    whole.bench.memory.afterStore = stores::incrementAndGet;
    whole.move();
    whole.bench.memory.afterStore = () -> {};
    whole.assertBothReach(0x8000);
    int last = stores.get();
    // The tables are copied first, a word at a time; the switches and their flushes are the end.
    for (int at = 1; at <= last; at = at < last - 60 ? Math.min(at + 97, last - 60) : at + 1) {
      int refused = at;
      TwoUnits two = new TwoUnits();
      AtomicInteger count = new AtomicInteger();
      long before = two.bench.memory.allocatedBytes();
      two.bench.memory.afterStore =
          () -> {
            if (count.incrementAndGet() == refused) {
              fail();
            }
          };
      assertFails(Errno.EIO, two::move, "vtd", GONE);
      two.bench.memory.afterStore = () -> {};
      assertThat(two.iommu.domainOf(NIC)).as("store %d", at).contains(two.host);
      assertThat(two.iommu.domainOf(GPU)).as("store %d", at).contains(two.host);
      two.assertBothReach(0x3000);
      if (count.get() == refused) {
        // Nothing was switched, so nothing had to be taken back, and nothing is kept.
        assertThat(two.bench.memory.allocatedBytes()).as("store %d", at).isEqualTo(before);
      }
      two.iommu.disable();
      two.iommu.enable();
      two.move();
      two.assertBothReach(0x8000);
    }
  }

  @Test
  void aMoveThatWasMadeIsWrittenDownThoughTheMachineDoesNotTakeTheOldTablesBack() {
    TwoUnits two = new TwoUnits();
    two.bench.memory.beforeFree = BrokenMachineTest::fail;
    assertFails(Errno.EIO, two::move, "vtd1", "tables of its old context entries", GONE);
    two.bench.memory.beforeFree = () -> {};
    two.assertBothReach(0x8000);
    assertThat(two.iommu.domainOf(NIC)).contains(two.vm);
    assertThat(two.iommu.domainOf(GPU)).contains(two.vm);
    two.host.close();
    two.vm.unmap(0x3000, PAGE);
    two.assertBothReach(-1);
  }

  /** Fails the n-th free. */
  private static void failFree(Bench bench, int nth) {
    AtomicInteger left = new AtomicInteger(nth);
    bench.memory.beforeFree =
        () -> {
          if (left.decrementAndGet() == 0) {
            fail();
          }
        };
  }

  @Test
  void aMoveThatWasMadeGivesAllOldTablesBackButTheOneThatTheMachineDoesNotTake() {
    for (int nth = 1; nth <= 2; nth++) {
      TwoUnits two = new TwoUnits();
      long before = two.bench.memory.allocatedBytes();
      failFree(two.bench, nth);
      assertFails(Errno.EIO, two::move, GONE);
      assertThat(two.bench.memory.allocatedBytes()).as("free %d", nth).isEqualTo(before + PAGE);
      two.assertBothReach(0x8000);
    }
  }

  @Test
  void aMoveThatSeveralUnitsCannotEndTellsOfEach() {
    TwoUnits two = new TwoUnits();
    two.bench.memory.beforeFree = BrokenMachineTest::fail;
    assertThatThrownBy(two::move)
        .hasMessageContaining("vtd1")
        .satisfies(
            first ->
                assertThat(first.getSuppressed())
                    .singleElement()
                    .satisfies(second -> assertThat(second).hasMessageContaining("vtd0")));
  }

  @Test
  void aMoveThatIsDroppedIsToldByItsCauseThoughTheMachineDoesNotTakeTheNewTablesBack() {
    TwoUnits two = new TwoUnits();
    two.bench.units.get(0).onRequests = BrokenMachineTest::fail;
    assertFails(Errno.EIO, () -> two.host.unmap(0x3000, PAGE), "vtd0", GONE);
    two.bench.units.get(0).onRequests = () -> {};
    two.bench.memory.beforeFree = BrokenMachineTest::fail;
    // The other unit's turn comes first: what is ready for it is dropped.
    assertFails(Errno.EIO, two::move, "vtd0", "earlier invalidation");
    two.bench.memory.beforeFree = () -> {};
    int writes = two.bench.units.get(1).writes.size();
    two.vm.unmap(0x3000, PAGE);
    assertThat(two.bench.units.get(1).writes).as("it never knew the domain").hasSize(writes);
  }

  @Test
  void anEndGivesBackAllButThePageThatTheMachineDoesNotTake() {
    boolean failed = true;
    for (int nth = 1; failed; nth++) {
      assertThat(nth).as("frees of one close").isLessThan(100);
      TwoUnits two = new TwoUnits();
      failFree(two.bench, nth);
      failed = false;
      try {
        two.iommu.close();
      } catch (VmmException e) {
        failed = true;
        two.iommu.close();
      }
      two.bench.memory.beforeFree = () -> {};
      two.host.close();
      two.vm.close();
      assertThat(two.bench.memory.allocatedBytes()).as("free %d", nth).isIn(0L, PAGE);
    }
  }

  @Test
  void i13_tablesThatCouldNotBePutBackAreNeverUsedAgain() {
    TwoUnits two = new TwoUnits();
    // From the second unit's requests on nothing can be stored: not the old root entries either.
    two.bench.units.get(0).onRequests =
        () -> {
          two.bench.memory.afterStore = BrokenMachineTest::fail;
          fail();
        };
    assertFails(Errno.EIO, two::move, "vtd0", GONE);
    two.bench.memory.afterStore = () -> {};
    two.bench.units.get(0).onRequests = () -> {};
    assertThat(two.iommu.domainOf(NIC)).contains(two.host);
    assertFails(Errno.EIO, two::move, "earlier invalidation");
    two.iommu.disable();
    assertFails(Errno.EIO, two.iommu::enable, "earlier invalidation");
    assertThat(two.bench.units.get(0).peek(0x1c) & TES).isZero();
    assertThat(two.bench.units.get(1).peek(0x1c) & TES).isZero();
  }

  @Test
  void i04_aStartThatTheMachineBreaksOffTurnsOffWhatItTurnedOn() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    FakeVtdUnit second = bench.units.get(1);
    second.onCommand =
        command -> {
          if ((command & TES) != 0) {
            fail();
          }
        };
    assertFails(Errno.EIO, iommu::enable, "vtd1", "to turn translation on", GONE);
    assertThat(bench.units.get(0).peek(0x1c) & TES).isZero();
    second.onCommand = command -> {};
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
  }
}
