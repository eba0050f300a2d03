package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Writes that get lost on the way to a unit, at its start and at its end. */
class LostWriteTest {
  private static final long TE = 1L << 31;

  private static Bench bench() {
    Bench bench = Bench.one(FakeVtdUnit.CAP, FakeVtdUnit.ECAP);
    bench.unit().preset(0x20, 0x7000);
    bench.unit().preset(0x38, 0);
    bench.unit().preset(0x88, 0x40);
    bench.unit().preset(0x90, 0x9000);
    return bench;
  }

  @ParameterizedTest
  @CsvSource({"RTADDR_REG,20", "IQT_REG,88", "IQA_REG,90", "FECTL_REG,38"})
  void i04_aStartWhoseWriteIsLostIsRefusedWithTheRegisterBeforeTranslation(
      String register, String offset) {
    Bench bench = bench();
    long lost = Long.parseLong(offset, 16);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "host"));
    long held = bench.unit().peek(lost);
    List<Long> commands = new ArrayList<>();
    bench.unit().onCommand = commands::add;
    bench.unit().lostWrite = lost;
    assertThatThrownBy(iommu::enable)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContainingAll(
            "vtd0 at 0xfed90000",
            register + " at 0x" + offset + " reads 0x" + Long.toHexString(held),
            "expected 0x");
    assertThat(commands).noneMatch(command -> (command & TE) != 0);
    bench.unit().lostWrite = -1;
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    assertThat(bench.unit().latchedRoot()).isNotEqualTo(0x7000);
    iommu.close();
    assertThat(bench.unit().peek(0x20)).isEqualTo(0x7000);
    bench.checkRules();
  }

  /** QEMU's unit shows the address that it has taken over, not the one that was written. */
  @Test
  void i04_aUnitThatShowsTheQueueItHasTakenOverIsStarted() {
    Bench bench = bench();
    bench.unit().showsLatchedQueue = true;
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    iommu.close();
    bench.checkRules();
  }

  /** The page of the root table would be freed while the unit has it latched. */
  @Test
  void i05_anEndWhoseRootTableIsNotPutBackFreesNothingAndCanBeTriedAgain() {
    Bench bench = bench();
    Iommu iommu = bench.open();
    iommu.enable();
    long root = bench.unit().latchedRoot();
    bench.unit().lostWrite = 0x20;
    assertThatThrownBy(iommu::close).hasMessageContainingAll("vtd0", "RTADDR_REG", "0x7000");
    assertThat(bench.memory.isFree(root)).isFalse();
    bench.unit().lostWrite = -1;
    iommu.close();
    assertThat(bench.unit().latchedRoot()).isEqualTo(0x7000);
    assertThat(bench.memory.allocatedBytes()).isZero();
  }
}
