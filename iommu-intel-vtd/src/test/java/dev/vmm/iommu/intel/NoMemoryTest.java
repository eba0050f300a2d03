package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.FAR;
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
import org.junit.jupiter.api.Test;

/** A device can be taken from a VM when there is no memory at all. */
class NoMemoryTest {
  private static final long PAGE = 0x1000;

  private final Bench bench = Bench.one(FakeVtdUnit.CAP, FakeVtdUnit.ECAP);
  private final Iommu iommu = bench.open();
  private final Domain blocked = domain(iommu, "blocked");
  private final Domain vm = domain(iommu, "vm");
  private boolean full;

  NoMemoryTest() {
    vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE);
    bench.memory.beforeAllocate =
        () -> {
          if (full) {
            throw new VmmException(Errno.ENOMEM, "no page left");
          }
        };
  }

  @Test
  void i02_i06_i07_aDeviceIsBlockedAgainAndAgainWithoutMemory() {
    iommu.move(List.of(NIC, DISK), blocked);
    iommu.enable();
    iommu.move(List.of(NIC, DISK), vm);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(0x8000);
    assertThat(bench.write(DISK, 0x3000)).isEqualTo(0x8000);
    long before = bench.memory.allocatedBytes();
    full = true;
    iommu.move(List.of(NIC), blocked);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
    assertThat(bench.write(DISK, 0x3000)).isEqualTo(0x8000);
    iommu.move(List.of(DISK), blocked);
    assertThat(bench.write(DISK, 0x3000)).isEqualTo(-1);
    for (int i = 0; i < 10; i++) {
      iommu.move(List.of(DISK), vm);
      assertThat(bench.write(DISK, 0x3000)).isEqualTo(0x8000);
      iommu.move(List.of(DISK), blocked);
      assertThat(bench.write(DISK, 0x3000)).isEqualTo(-1);
    }
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before);
    iommu.close();
    bench.checkRules();
  }

  @Test
  void i02_i09_whatWasMovedOnTwoBusesTogetherIsMovedBackWithoutMemory() {
    iommu.move(List.of(NIC, FAR), blocked);
    iommu.enable();
    iommu.move(List.of(NIC, FAR), vm);
    full = true;
    iommu.move(List.of(NIC, FAR), blocked);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
    assertThat(bench.write(FAR, 0x3000)).isEqualTo(-1);
    bench.checkRules();
  }

  /** The spare page must not go into a table that replaces none, since nothing would come back. */
  @Test
  void i02_aBusThatIsNewDoesNotTakeTheSparePage() {
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    iommu.move(List.of(DISK), blocked);
    full = true;
    assertThatThrownBy(() -> iommu.move(List.of(FAR), blocked))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
    iommu.move(List.of(NIC), blocked);
    assertThat(bench.write(NIC, 0x3000)).isEqualTo(-1);
    bench.checkRules();
  }

  @Test
  void theSparePageIsGivenBackAtTheEnd() {
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    iommu.move(List.of(NIC), blocked);
    iommu.close();
    vm.close();
    blocked.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
  }

  @Test
  void anOpenForWhichThereIsNoSparePageTakesNone() {
    Bench other = Bench.one(FakeVtdUnit.CAP, FakeVtdUnit.ECAP);
    int[] left = {1};
    other.memory.beforeAllocate =
        () -> {
          if (left[0]-- == 0) {
            throw new VmmException(Errno.ENOMEM, "no page left");
          }
        };
    assertThatThrownBy(other::open).isInstanceOf(VmmException.class);
    assertThat(other.memory.allocatedBytes()).isZero();
  }
}
