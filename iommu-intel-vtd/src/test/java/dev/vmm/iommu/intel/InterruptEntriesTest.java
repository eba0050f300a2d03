package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.CAP;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.ECAP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.pci.Rid;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What becomes of interrupt entries that were given back, of units that are off or given up. */
class InterruptEntriesTest {
  private static final long IRTA = 0xb8;
  private static final InterruptTarget TARGET =
      InterruptTarget.of(new MsiMessage(0xfee1_2000L, 0x41));
  private static final long ROUTED = 0x0000_1200_0041_0001L;

  private final Bench bench = Bench.one(CAP, ECAP).interrupts();

  private static InterruptEntries reserve(Iommu iommu, Rid source, int count) {
    return iommu.interruptRemapping().orElseThrow().allocate(source, count);
  }

  private static void refused(Errno errno, Runnable step, String words) {
    assertThatThrownBy(step::run)
        .hasMessageContaining(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  private long table() {
    return bench.unit().peek(IRTA) & ~0xfffL;
  }

  /** By then another may have the same. */
  @Test
  void entriesThatWereGivenBackChangeNothingAnyMore() {
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries old = reserve(iommu, NIC, 1);
    old.close();
    InterruptEntries other = reserve(iommu, DISK, 1);
    assertThat(other.message(0)).isEqualTo(old.message(0));
    other.route(0, TARGET);
    bench.unit().invalidations.clear();
    refused(Errno.EINVAL, () -> old.route(0, TARGET), "are closed");
    old.block(0);
    old.close();
    assertThat(bench.memory.read64(table())).isEqualTo(ROUTED);
    assertThat(bench.unit().invalidations).isEmpty();
    assertThat(reserve(iommu, NIC, 1).message(0)).as("it is taken").isNotEqualTo(other.message(0));
    iommu.close();
  }

  /** Its table is somebody else's memory by then. */
  @Test
  void entriesOfAnIommuThatWasClosedChangeNothingEither() {
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries entries = reserve(iommu, NIC, 1);
    long table = table();
    iommu.close();
    bench.memory.write64(table, ROUTED);
    refused(Errno.EINVAL, () -> entries.route(0, TARGET), "are closed");
    entries.block(0);
    entries.close();
    assertThat(bench.memory.read64(table)).isEqualTo(ROUTED);
  }

  @Test
  void entriesBesideThoseThatAreGivenBackStayAsTheyAre() {
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries[] all = {
      reserve(iommu, NIC, 1), reserve(iommu, DISK, 1), reserve(iommu, NIC, 1)
    };
    for (InterruptEntries one : all) {
      one.route(0, TARGET);
    }
    all[1].close();
    assertThat(bench.memory.read64(table())).isEqualTo(ROUTED);
    assertThat(bench.memory.read64(table() + 16)).isZero();
    assertThat(bench.memory.read64(table() + 32)).isEqualTo(ROUTED);
    iommu.close();
  }

  /** Modes 3 and 6 are reserved; without EIME a destination has 8 bits. */
  @Test
  void whatAnEntryCannotSayIsRefusedBeforeItIsChanged() {
    Iommu iommu = bench.open();
    InterruptEntries entries = reserve(iommu, NIC, 1);
    entries.route(0, TARGET);
    for (InterruptTarget other :
        List.of(
            new InterruptTarget(1, false, false, 3, false, 0x41),
            new InterruptTarget(1, false, false, 6, false, 0x41),
            new InterruptTarget(0x100, false, false, 0, false, 0x41))) {
      refused(Errno.EINVAL, () -> entries.route(0, other), "a destination of 8 bits");
    }
    entries.route(0, new InterruptTarget(0xff, false, false, 4, false, 0x41));
    iommu.close();
  }

  @Test
  void blockingWhatIsBlockedAsksTheUnitForNothing() {
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries entries = reserve(iommu, NIC, 2);
    bench.unit().invalidations.clear();
    entries.block(1);
    assertThat(bench.unit().invalidations).isEmpty();
    entries.route(1, TARGET);
    assertThat(bench.unit().invalidations).as("it was not present").isEmpty();
    entries.block(1);
    assertThat(bench.unit().invalidations).containsExactly("interrupts 0x1 0");
    entries.close();
    assertThat(bench.unit().invalidations).as("none was present").hasSize(1);
    iommu.close();
  }

  @Test
  void aUnitThatIsOffIsAskedForNothing() {
    Iommu iommu = bench.open();
    InterruptEntries entries = reserve(iommu, NIC, 1);
    int writes = bench.unit().writes.size();
    entries.route(0, TARGET);
    entries.route(0, TARGET);
    entries.block(0);
    entries.route(0, TARGET);
    assertThat(bench.unit().writes).hasSize(writes);
    iommu.enable();
    assertThat(bench.memory.read64(table())).isEqualTo(ROUTED);
    iommu.close();
  }

  /** It forgets everything before it remaps again. */
  @Test
  void aUnitThatConfirmedNothingTakesChangesAgainOnceItIsOff() {
    bench.impatient();
    Iommu iommu = bench.open();
    iommu.enable();
    long table = table();
    InterruptEntries entries = reserve(iommu, NIC, 1);
    entries.route(0, TARGET);
    bench.unit().hangInvalidations = true;
    refused(Errno.ETIMEDOUT, () -> entries.block(0), "did not finish");
    bench.unit().hangInvalidations = false;
    refused(Errno.EIO, () -> entries.block(0), "did not confirm");
    refused(Errno.EIO, () -> reserve(iommu, DISK, 1), "did not confirm");
    iommu.disable();
    entries.route(0, TARGET);
    assertThat(bench.memory.read64(table)).isEqualTo(ROUTED);
    reserve(iommu, DISK, 1).close();
    iommu.close();
  }
}
