package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
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
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.lang.reflect.Proxy;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;

/** Closed domains, a closed I/O MMU, and what several units say when it ends badly. */
class EndOfUseTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;
  private static final long TES = 1L << 31;

  private static void assertFails(Errno errno, ThrowingCallable call, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(words);
  }

  @Test
  void nothingCanBeDoneWithAClosedIommuButClosingItsDomains() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.write(NIC, 0x7000);
    iommu.close();
    int writes = bench.unit().writes.size();
    assertFails(Errno.EINVAL, () -> domain(iommu, "late"), "closed");
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(DISK), vm), "closed");
    assertFails(Errno.EINVAL, iommu::enable, "closed");
    assertFails(Errno.EINVAL, iommu::disable, "closed");
    assertFails(Errno.EINVAL, () -> vm.map(0x5000, 0x8000, PAGE, Access.READ), "vm", "closed");
    assertFails(Errno.EINVAL, () -> vm.unmap(0x3000, PAGE), "vm", "closed");
    assertThat(iommu.domainOf(NIC)).isEmpty();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
    assertThat(bench.unit().writes).hasSize(writes);
    vm.close();
    vm.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
  }

  @Test
  void anIommuWhoseUnitStayedOnIsNotToldToBeOn() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    iommu.enable();
    bench.unit().stuckStatus = TES;
    assertFails(Errno.ETIMEDOUT, iommu::close, "vtd0");
    assertThat(iommu.enabled()).isFalse();
  }

  @Test
  void aClosedDomainHasGivenItsTablesBackAndIsUsedNoMore() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    long before = bench.memory.allocatedBytes();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    assertThat(vm.tablePages()).isEqualTo(3);
    assertThat(vm.name()).isEqualTo("vm");
    assertThat(vm).hasToString("vm");
    vm.close();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    vm.close();
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    assertFails(Errno.EINVAL, () -> vm.map(0x5000, 0, PAGE, Access.READ), "vm", "was closed");
    assertFails(Errno.EINVAL, () -> vm.translate(0x3000), "closed");
  }

  @Test
  void i13_aDomainThatAUnitForgotAfterAllGivesEverythingBack() {
    // ND = 0: 16 ids, of which 0 is not used.
    Bench bench = Bench.one(CAP & ~7L, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd0");
    bench.unit().hangInvalidations = false;
    // Off and on again: the unit has forgotten everything.
    iommu.disable();
    iommu.enable();
    long before = bench.memory.allocatedBytes();
    long tables = vm.tablePages() * PAGE;
    bench.unit().invalidations.clear();
    vm.close();
    assertThat(bench.unit().invalidations).containsExactly("iotlb domain 2");
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before - tables);
    vm.close();
    assertThat(bench.unit().invalidations).hasSize(1);
    // Its domain id is free again: all 15 can be used.
    for (int i = 0; i < 14; i++) {
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain(iommu, "d" + i));
    }
    bench.checkRules();
  }

  @Test
  void i13_aDomainThatOneUnitDoesNotForgetIsForgottenByTheOthers() {
    // ND = 0: 16 ids, of which 0 is not used.
    Bench bench = Bench.two(CAP & ~7L, ECAP, CAP & ~7L).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC, GPU), domain(iommu, "host"));
    iommu.enable();
    FakeVtdUnit gpu = bench.units.get(0);
    FakeVtdUnit rest = bench.units.get(1);
    bench.units.forEach(unit -> unit.hangInvalidations = true);
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(GPU), vm), "vtd0");
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd1");
    bench.units.forEach(unit -> unit.hangInvalidations = false);
    iommu.disable();
    iommu.enable();
    gpu.hangInvalidations = true;
    rest.invalidations.clear();
    assertFails(Errno.ETIMEDOUT, vm::close, "vtd0");
    assertThat(rest.invalidations).containsExactly("iotlb domain 2");
    // Its domain id is free again there: all 15 can be used.
    for (int i = 0; i < 14; i++) {
      iommu.move(List.of(Rid.of(0, 0x100 + i)), domain(iommu, "d" + i));
    }
  }

  @Test
  void i16_faultsFromBeforeTheStartAreNobodysWheneverTheyAreAskedFor() {
    Bench bench = Bench.one(CAP, ECAP);
    bench.unit().fault(NIC.id16(), 0x9000, true, 5);
    Iommu iommu = bench.open();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
    assertThat(bench.unit().writes).as("it is as it was found").isEmpty();
    iommu.enable();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
    bench.unit().fault(NIC.id16(), 0xa000, true, 5);
    iommu.disable();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
  }

  @Test
  void aUnitThatIsGoneIsNotTakenForOn() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    bench.unit().dead = true;
    assertFails(Errno.EIO, iommu::enabled, "vtd0", "is gone", "GSTS_REG");
  }

  @Test
  void i13_aDomainIsClosedOnlyOnceAlsoWhenAUnitDidNotConfirmIt() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), domain(iommu, "host"));
    iommu.enable();
    bench.unit().hangInvalidations = true;
    assertFails(Errno.ETIMEDOUT, () -> iommu.move(List.of(NIC), vm), "vtd0");
    assertFails(Errno.EIO, vm::close, "vtd0");
    vm.close();
    assertFails(Errno.EINVAL, () -> vm.translate(0x3000), "closed");
  }

  @Test
  void aFailedStopIsToldAndEveryUnitWasTried() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    iommu.enable();
    bench.units.forEach(unit -> unit.stuckStatus = TES);
    Throwable both = catchThrowable(iommu::disable);
    assertThat(both).hasMessageContainingAll("vtd0", "to clear TE");
    assertThat(both.getSuppressed())
        .singleElement()
        .satisfies(second -> assertThat(second).hasMessageContainingAll("vtd1", "to clear TE"));
    bench.units.get(0).stuckStatus = 0;
    assertFails(Errno.ETIMEDOUT, iommu::disable, "vtd1");
    assertThat(bench.units.get(0).peek(0x1c) & TES).isZero();
    bench.units.get(1).stuckStatus = 0;
    iommu.disable();
    assertThat(iommu.enabled()).isFalse();
  }

  @Test
  void i04_aFailedStartTellsAlsoWhatCouldNotBeTurnedOffAgain() {
    Bench bench = Bench.two(CAP, ECAP, CAP).impatient();
    Iommu iommu = bench.open();
    // The second never turns on; by then the first does not turn off any more.
    bench.units.get(1).onCommand = command -> bench.units.get(0).stuckStatus = TES;
    bench.units.get(1).stuckStatus = TES;
    Throwable first = catchThrowable(iommu::enable);
    assertThat(first).hasMessageContainingAll("vtd1", "to set TE");
    assertThat(first.getSuppressed())
        .singleElement()
        .satisfies(second -> assertThat(second).hasMessageContainingAll("vtd0", "to clear TE"));
  }

  @Test
  void i04_aUnitThatCannotBeTurnedOffAfterAFailedStartSaysBoth() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    bench.unit().onCommand =
        command -> {
          if ((command & TES) != 0) {
            bench.unit().dead = true;
          }
        };
    Throwable first = catchThrowable(iommu::enable);
    assertThat(first).hasMessageContaining("GSTS_REG");
    assertThat(first.getSuppressed())
        .singleElement()
        .isInstanceOfSatisfying(
            VmmException.class, second -> assertThat(second.errno()).isEqualTo(Errno.EIO));
  }

  @Test
  void aStartOfWhatIsOnDoesNothing() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    int writes = bench.unit().writes.size();
    iommu.enable();
    assertThat(bench.unit().writes).hasSize(writes);
    assertThat(iommu.enabled()).isTrue();
    iommu.disable();
    writes = bench.unit().writes.size();
    iommu.disable();
    assertThat(bench.unit().writes).hasSize(writes);
  }

  @Test
  void faultsOfTwoUnitsThatAreGoneAreTheFirstOnesFailure() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    iommu.enable();
    bench.units.forEach(unit -> unit.dead = true);
    assertFails(Errno.EIO, iommu::drainFaults, "vtd0");
  }

  @Test
  void i16_anOverflowIsToldAlsoWhenNoRecordIsLeft() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    bench.unit().preset(0x34, 1);
    FaultBatch batch = iommu.drainFaults();
    assertThat(batch.overflowed()).isTrue();
    assertThat(batch.faults()).isEmpty();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
  }

  @Test
  void anUnmapThatTwoUnitsDidNotConfirmTellsTheFirstFailure() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    iommu.move(List.of(GPU), vm);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.units.forEach(unit -> unit.queueError = 3);
    assertThatThrownBy(() -> vm.unmap(0x3000, PAGE))
        .hasMessageContaining("vtd0")
        .satisfies(
            first ->
                assertThat(first.getSuppressed())
                    .singleElement()
                    .satisfies(second -> assertThat(second).hasMessageContaining("vtd1")));
  }

  @Test
  void aDomainOfAnotherBackEndIsRefused() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain foreign =
        (Domain)
            Proxy.newProxyInstance(
                Domain.class.getClassLoader(),
                new Class<?>[] {Domain.class},
                (proxy, method, arguments) -> "theirs");
    assertFails(Errno.EINVAL, () -> iommu.move(List.of(NIC), foreign), "theirs", "created");
    assertThat(iommu.domainOf(NIC)).isEmpty();
  }

  @Test
  void unitsAndReservedRegionsAreTheFirmwares() {
    Bench bench = Bench.two(CAP, ECAP, CAP);
    Iommu iommu = bench.open();
    assertThat(iommu.units()).containsExactly("vtd0", "vtd1");
    assertThat(iommu.reservedRegions(NIC)).isEmpty();
    FakeMachine machine = new FakeMachine(bench.memory);
    machine.with(bench.unit());
    machine.with(
        new DmarBuilder()
            .hostAddressBits(46)
            .drhd(true, 0, Bench.BASE)
            .rmrr(0, 0x200000, 0x2fffff, DmarBuilder.endpoint(0, 2, 0))
            .build());
    machine.pci().add("00:02.0", 0x8086, 1, 0x020000);
    Iommu reserving = new IntelProvider().open(new IommuContext(machine, Tunables.defaults()));
    assertThat(reserving.reservedRegions(NIC))
        .singleElement()
        .satisfies(
            region -> {
              assertThat(region.range().start()).isEqualTo(0x200000);
              assertThat(region.range().last()).isEqualTo(0x2fffff);
            });
  }
}
