package dev.vmm.iommu.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.pagetable.SimpleFormat;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several units as one I/O MMU: what each is asked, in which order, and what is left where one
 * fails. The first unit has the ids of bus 0, the second those of bus 1.
 */
class UnitsIommuTest {
  private static final Rid NIC = Rid.parse("00:02.0");
  private static final Rid DISK = Rid.parse("00:03.0");
  private static final Rid GPU = Rid.parse("01:00.0");
  private static final Rid NOBODYS = Rid.parse("02:00.0");
  private static final long PAGE = 0x1000;
  private static final UntranslatedRange WINDOW =
      new UntranslatedRange(new AddressRange(0xfee0_0000L, 0x10_0000), "a test");

  private final List<String> asked = new ArrayList<>();
  private final NotedUnit first = new NotedUnit("a", asked, 4, 4);
  private final NotedUnit second = new NotedUnit("b", asked, 5, 4);
  private final ArrayMemory memory = new ArrayMemory(16L << 20);
  private final UnitsIommu iommu = iommu(first, second);

  private UnitsIommu iommu(RemappingUnit... units) {
    CommonFacts facts = new CommonFacts(new SimpleFormat(), 3, true, true, true);
    return new UnitsIommu("TEST", List.of(units), facts, new ByBus(), memory);
  }

  /** Finds a unit by the bus. */
  private final class ByBus implements UnitLocator {
    @Override
    public @Nullable RemappingUnit find(Rid rid) {
      return rid.bus() == 0 ? first : rid.bus() == 1 ? second : null;
    }

    @Override
    public List<ReservedRegion> reservedRegions(Rid rid) {
      return List.of(new ReservedRegion(new AddressRange(0, PAGE), Access.READ, "of " + rid));
    }

    @Override
    public List<UntranslatedRange> untranslatedRanges() {
      return List.of(WINDOW);
    }

    @Override
    public String expected() {
      return "a bus below 2";
    }
  }

  private Domain domain(String name) {
    return iommu.createDomain(new DomainSpec(name, (1L << 39) - 1));
  }

  private Domain home(String name, boolean forwards) {
    return iommu.createDomain(new DomainSpec(name, (1L << 39) - 1, true, forwards));
  }

  private static VmmException fails(Errno errno, Runnable step, String... words) {
    VmmException e = catchThrowableOfType(VmmException.class, step::run);
    assertThat(e).hasMessageContainingAll(words);
    assertThat(e.errno()).isEqualTo(errno);
    return e;
  }

  @Test
  void everyUnitIsPreparedBeforeAnySwitchesAndFinishedAfterAllHave() {
    iommu.move(List.of(NIC, GPU, DISK), home("host", true));
    assertThat(asked)
        .containsExactly(
            "a move [16, 24] to 1, 3 levels, forwards",
            "b move [256] to 1, 3 levels, forwards",
            "a apply",
            "b apply",
            "a finish",
            "b finish");
    assertThat(iommu.domainOf(DISK)).map(Domain::name).hasValue("host");
    asked.clear();
    iommu.move(List.of(NIC), domain("vm"));
    assertThat(asked).containsExactly("a move [16] to 2, 3 levels", "a apply", "a finish");
  }

  @Test
  void anIdThatIsThereAlreadyIsNotMoved() {
    Domain domain = domain("vm");
    iommu.move(List.of(NIC), domain);
    asked.clear();
    iommu.move(List.of(NIC), domain);
    assertThat(asked).isEmpty();
  }

  @Test
  void whatTheLastDeviceLeavesOnAUnitIsGivenBackThere() {
    Domain one = domain("one");
    Domain two = domain("two");
    iommu.move(List.of(NIC, DISK), one);
    iommu.move(List.of(NIC), two);
    assertThat(asked).doesNotContain("a free 1");
    iommu.move(List.of(DISK), two);
    assertThat(asked).contains("a free 1");
    asked.clear();
    one.map(0x4000, 0x8000, PAGE, Access.READ_WRITE);
    assertThat(asked).as("no unit knows it any more").isEmpty();
    two.map(0x4000, 0x8000, PAGE, Access.READ_WRITE);
    assertThat(asked).containsExactly("a published 2 0x4000+0x1000");
  }

  @Test
  void aMoveThatCannotBePreparedChangesNothing() {
    Domain domain = domain("vm");
    for (String step : new String[] {"check", "admit", "move"}) {
      second.failing.add(step);
      asked.clear();
      fails(
          step.equals("admit") ? Errno.EPERM : Errno.EIO,
          () -> iommu.move(List.of(NIC, GPU), domain),
          "b ");
      assertThat(asked)
          .contains("a cancel")
          .doesNotContain("a apply", "b apply")
          .anyMatch(line -> line.startsWith("a free"));
      if (!step.equals("check")) {
        assertThat(asked).anyMatch(line -> line.startsWith("b free"));
      }
      second.failing.clear();
      assertThat(iommu.domainOf(NIC)).isEmpty();
    }
    iommu.move(List.of(NIC, GPU), domain);
    assertThat(asked).endsWith("a apply", "b apply", "a finish", "b finish");
  }

  @Test
  void aHomeIsNotAskedWhetherItAdmits() {
    first.failing.add("admit");
    iommu.move(List.of(NIC), home("host", false));
    fails(Errno.EPERM, () -> iommu.move(List.of(NIC), domain("vm")), "[16]");
  }

  /** The units that switched are led back; the rest never began. */
  @Test
  void aSwitchThatFailsIsUndoneOnTheUnitsBeforeAndOnItself() {
    Domain domain = domain("vm");
    second.failing.add("apply");
    fails(Errno.EIO, () -> iommu.move(List.of(NIC, GPU), domain), "b fails to apply");
    assertThat(asked)
        .endsWith("a apply", "b apply", "a undo", "a free 1", "b undo", "b free 1")
        .doesNotContain("a finish");
    second.failing.clear();
    asked.clear();
    first.failing.add("apply");
    fails(Errno.EIO, () -> iommu.move(List.of(NIC, GPU), domain), "a fails to apply");
    assertThat(asked).endsWith("a apply", "a undo", "a free 2", "b cancel", "b free 2");
    assertThat(iommu.domainOf(NIC)).isEmpty();
    assertThat(iommu.domainOf(GPU)).isEmpty();
  }

  /** It may know the domain still, which is asked again when that closes. */
  @Test
  void aUnitThatDidNotConfirmKeepsTheDomainsId() {
    Domain domain = domain("vm");
    first.failing.add("apply");
    first.undone = false;
    fails(Errno.EIO, () -> iommu.move(List.of(NIC), domain), "a fails to apply");
    assertThat(asked).endsWith("a apply", "a undo");
    asked.clear();
    domain.close();
    assertThat(asked).containsExactly("a flush 1 0x0+0x8000000000 false", "a free 1");
    assertThat(memory.allocatedBytes()).isZero();
  }

  @Test
  void aDomainThatAUnitDoesNotForgetKeepsItsTables() {
    Domain domain = domain("vm");
    first.failing.add("apply");
    first.undone = false;
    fails(Errno.EIO, () -> iommu.move(List.of(NIC), domain), "a fails");
    first.failing.add("flush");
    fails(Errno.EIO, domain::close, "a fails to flush");
    assertThat(memory.allocatedBytes()).isEqualTo(PAGE);
  }

  @Test
  void eachUnitThatADomainIsOnIsToldOfItsChanges() {
    Domain domain = domain("vm");
    iommu.move(List.of(NIC, GPU), domain);
    asked.clear();
    domain.map(0x4000, 0x8000, 2 * PAGE, Access.READ_WRITE);
    assertThat(asked).containsExactly("a published 1 0x4000+0x2000", "b published 1 0x4000+0x2000");
    asked.clear();
    first.failing.add("flush");
    fails(Errno.EIO, () -> domain.unmap(0x5000, PAGE), "a fails to flush");
    assertThat(asked)
        .as("the second too, so that as few as possible know the old entries")
        .containsExactly("a flush 1 0x5000+0x1000 true", "b flush 1 0x5000+0x1000 true");
    second.failing.add("flush");
    fails(Errno.EIO, () -> domain.unmap(0x4000, PAGE), "a fails to flush");
  }

  @Test
  void aHomeHasItsIdOnEveryUnitWhateverOthersTake() {
    Domain host = home("host", false);
    Domain one = domain("one");
    Domain two = domain("two");
    iommu.move(List.of(NIC), one);
    iommu.move(List.of(DISK), two);
    fails(Errno.ENOSPC, () -> iommu.move(List.of(NIC), domain("three")), "no domain id left");
    iommu.move(List.of(NIC), host);
    assertThat(asked).contains("a move [16] to 1, 3 levels");
    iommu.move(List.of(NIC), one);
    assertThat(asked).as("kept for the next time").doesNotContain("a free 1");
    asked.clear();
    host.close();
    assertThat(asked).containsExactly("a free 1", "b free 1");
  }

  @Test
  void aHomeThatFindsNoIdTakesNone() {
    for (int i = 0; i < 3; i++) {
      second.allocateDomainId();
    }
    fails(Errno.ENOSPC, () -> home("host", false), "unit b");
    assertThat(asked).containsExactly("a free 1");
    assertThat(memory.allocatedBytes()).isZero();
    Domain wide = iommu.createDomain(new DomainSpec("wide", (1L << 39) - 1));
    iommu.move(List.of(NIC), wide);
    assertThat(asked).contains("a move [16] to 2, 3 levels");
  }

  /** The first walks no tables of 5 levels. */
  @Test
  void aHomeTakesNoIdOfAUnitThatCannotWalkItsTables() {
    Domain wide = iommu.createDomain(new DomainSpec("wide", (1L << 57) - 1, true));
    wide.close();
    assertThat(asked).containsExactly("b free 1");
  }

  @Test
  void aUnitThatDoesNotReachFarEnoughIsToldWithWhatItReaches() {
    Domain wide = iommu.createDomain(new DomainSpec("wide", (1L << 57) - 1));
    iommu.move(List.of(GPU), wide);
    fails(
        Errno.EINVAL,
        () -> iommu.move(List.of(NIC), wide),
        "cannot move 0000:00:02.0 to domain wide: unit a cannot walk tables of 5 levels and 57 bits",
        "it reaches 39 bits with 3, 48 bits with 4;");
    fails(
        Errno.EINVAL,
        () -> iommu.createDomain(new DomainSpec("wider", 1L << 57)),
        "domain wider cannot reach iova 0x200000000000000: expected at most 57 bits",
        "TEST units");
  }

  @Test
  void anIdOfNoUnitIsToldWithWhatWouldMakeItOnes() {
    fails(
        Errno.ENXIO,
        () -> iommu.move(List.of(NOBODYS), domain("vm")),
        "no TEST unit translates for it, expected a bus below 2");
    assertThat(iommu.unitOf(NOBODYS)).isEmpty();
    assertThat(iommu.unitOf(GPU)).hasValue("b");
    assertThat(iommu.units()).containsExactly("a", "b");
    assertThat(iommu.untranslatedRanges()).containsExactly(WINDOW);
    assertThat(iommu.reservedRegions(GPU))
        .singleElement()
        .satisfies(region -> assertThat(region.source()).isEqualTo("of 0000:01:00.0"));
  }

  @Test
  void unitsAreTurnedOnInOrderAndThoseThatAreOnOffAgainWhereOneFails() {
    second.failing.add("enable");
    first.failing.add("disable");
    VmmException e = fails(Errno.EIO, iommu::enable, "b fails to enable");
    assertThat(e.getSuppressed())
        .singleElement()
        .satisfies(other -> assertThat(other).hasMessage("a fails to disable"));
    assertThat(asked).containsExactly("a enable", "b enable", "a disable");
    assertThat(iommu.enabled()).as("one of two").isFalse();
    second.failing.clear();
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    asked.clear();
    fails(Errno.EIO, iommu::disable, "a fails to disable");
    assertThat(asked).as("the second too").containsExactly("a disable", "b disable");
  }

  @Test
  void unitsThatAreGivenUpTellTheirFailuresWithTheReason() {
    first.failing.add("close");
    second.failing.add("close");
    IllegalStateException why = new IllegalStateException("no third unit");
    UnitsIommu.giveUp(List.of(first, second), why);
    assertThat(asked).containsExactly("a close", "b close");
    assertThat(why.getSuppressed()).hasSize(1);
    assertThat(why.getSuppressed()[0]).hasMessage("a fails to close");
    assertThat(why.getSuppressed()[0].getSuppressed()[0]).hasMessage("b fails to close");
    IllegalStateException quiet = new IllegalStateException("no third unit");
    first.failing.clear();
    second.failing.clear();
    UnitsIommu.giveUp(List.of(first, second), quiet);
    assertThat(quiet.getSuppressed()).isEmpty();
  }

  private static DmaFault fault(long iova) {
    return new DmaFault("a", NIC, iova, Access.READ, 2, "not present");
  }

  @Test
  void faultsOfAllUnitsAreToldInOneBatch() {
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
    first.faults.add(fault(0x1000));
    second.faults.add(fault(0x2000));
    assertThat(iommu.drainFaults())
        .isEqualTo(new FaultBatch(List.of(fault(0x1000), fault(0x2000)), false, true));
    second.overflowed = true;
    assertThat(iommu.drainFaults())
        .as("none, but some were lost")
        .isEqualTo(new FaultBatch(List.of(), true, true));
  }

  /** A unit that fails fails again the next time. */
  @Test
  void faultsAreToldThoughAnotherUnitCannotBeAsked() {
    second.failing.add("drain");
    first.faults.add(fault(0x1000));
    assertThat(iommu.drainFaults()).isEqualTo(new FaultBatch(List.of(fault(0x1000)), false, false));
    fails(Errno.EIO, iommu::drainFaults, "b is gone");
    first.failing.add("drain");
    fails(Errno.EIO, iommu::drainFaults, "a is gone");
    iommu.close();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 2049})
  void noOrTooManyInterruptEntriesAreRefusedBeforeAUnitIsAsked(int count) {
    InterruptRemapping remapping = iommu.interruptRemapping().orElseThrow();
    fails(Errno.EINVAL, () -> remapping.allocate(NIC, count), "expected 1 to 2048");
    assertThat(asked).isEmpty();
  }

  @Test
  void interruptEntriesAreOfTheUnitOfTheirSource() {
    InterruptRemapping remapping = iommu.interruptRemapping().orElseThrow();
    fails(Errno.ENOTSUP, () -> remapping.allocate(NIC, 1), "unit a remaps no interrupts");
    fails(Errno.ENOTSUP, () -> remapping.allocate(GPU, 2048), "unit b remaps no interrupts");
    assertThat(asked)
        .containsExactly("a reserve 1 for 0000:00:02.0", "b reserve 2048 for 0000:01:00.0");
    fails(
        Errno.ENXIO,
        () -> remapping.allocate(NOBODYS, 1),
        "no TEST unit remaps its interrupts, expected a bus below 2");
    assertThat(remapping.active(NIC)).isFalse();
    assertThat(remapping.active(NOBODYS)).isFalse();
    first.enable();
    assertThat(remapping.active(NIC)).isTrue();
    assertThat(remapping.active(GPU)).isFalse();
    assertThat(remapping.forwardsHost()).isFalse();
  }

  @Test
  void aRemappingThatWasGivenUpOrIsClosedGivesNoEntries() {
    InterruptRemapping remapping = iommu.interruptRemapping().orElseThrow();
    remapping.forgo();
    assertThat(asked).containsExactly("a forgo", "b forgo");
    assertThat(iommu.interruptRemapping()).isEmpty();
    fails(Errno.EINVAL, () -> remapping.allocate(NIC, 1), "the remapping was given up");
    UnitsIommu other = iommu(first);
    InterruptRemapping its = other.interruptRemapping().orElseThrow();
    other.close();
    asked.clear();
    fails(Errno.EINVAL, () -> its.allocate(NIC, 1), "TEST I/O MMU is closed");
    fails(Errno.EINVAL, its::forgo, "TEST I/O MMU is closed");
    assertThat(asked).isEmpty();
  }

  @Test
  void aDomainWithDevicesStaysOpenAndAClosedOneIsEmpty() {
    Domain domain = domain("vm");
    domain.map(0x4000, 0x8000, PAGE, Access.READ);
    assertThat(domain.whereItFails(0x4000, Access.WRITE))
        .hasValueSatisfying(step -> assertThat(step.why()).isEqualTo(WalkStep.Why.NOT_PERMITTED));
    iommu.move(List.of(NIC, DISK), domain);
    fails(Errno.EBUSY, domain::close, "[0000:00:02.0, 0000:00:03.0]", "move them first");
    iommu.move(List.of(NIC, DISK), domain("other"));
    domain.close();
    asked.clear();
    domain.close();
    assertThat(asked).isEmpty();
    assertThat(domain.whereItFails(0x4000, Access.WRITE)).isEmpty();
    fails(Errno.EINVAL, () -> domain.map(0, 0, PAGE, Access.READ), "expected it to be open");
    fails(Errno.EINVAL, () -> iommu.move(List.of(NIC), domain), "domain vm", "expected an open");
  }

  @Test
  void aDomainOfAnotherIommuIsRefused() {
    Domain foreign = iommu(first, second).createDomain(new DomainSpec("foreign", 0xffff));
    fails(Errno.EINVAL, () -> iommu.move(List.of(NIC), foreign), "that this I/O MMU created");
  }

  /** Units that are not known to be off may still walk them. */
  @Test
  void theTablesOfADomainAreFreedOnlyOnceEveryUnitIsOff() {
    Domain one = domain("one");
    Domain two = domain("two");
    one.map(0x4000, 0x8000, PAGE, Access.READ);
    long before = memory.allocatedBytes();
    second.failing.add("close");
    fails(Errno.EIO, iommu::close, "b fails to close");
    one.close();
    assertThat(memory.allocatedBytes()).isEqualTo(before);
    second.failing.clear();
    iommu.close();
    two.close();
    assertThat(memory.allocatedBytes()).isEqualTo(before - PAGE);
    fails(Errno.EINVAL, iommu::enable, "is closed");
    assertThatThrownBy(() -> domain("three")).hasMessageContaining("is closed");
  }
}
