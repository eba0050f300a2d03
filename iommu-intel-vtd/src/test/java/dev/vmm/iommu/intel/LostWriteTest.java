package dev.vmm.iommu.intel;

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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Writes that get lost on the way to a unit, at its start and at its end. */
class LostWriteTest {
  private static final long TE = 1L << 31;
  private static final long QIE = 1L << 26;
  private static final long IRE = 1L << 25;

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

  /**
   * Whichever it is: the unit translates by our tables or the start fails, and what it walks is not
   * given back before it is off.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void i04_i05_noWriteThatIsLostLeavesAUnitHalfOnOrItsTablesFreed(boolean queue) {
    int lost = 0;
    for (boolean more = true; more; ) {
      // PLMR and PHMR, and protected regions that are on.
      Bench bench = Bench.one(FakeVtdUnit.CAP | 0x60L, FakeVtdUnit.ECAP).impatient();
      Iommu iommu = (queue ? bench.interrupts() : bench.registers()).open();
      FakeVtdUnit unit = bench.unit();
      unit.preset(0x64, 0x80000001L);
      Domain host = domain(iommu, "host");
      host.map(0x3000, 0x8000, 0x1000, Access.READ_WRITE);
      iommu.move(List.of(NIC), host);
      unit.loseNth = ++lost;
      if (catchThrowable(iommu::enable) != null) {
        assertThat(unit.peek(0x1c) & (TE | QIE | IRE)).as("write %d lost: off", lost).isZero();
        iommu.enable();
      }
      assertThat(bench.write(NIC, 0x3000)).as("write %d lost", lost).isEqualTo(0x8000);
      assertThat(bench.write(NIC, 0x4000)).as("write %d lost", lost).isEqualTo(-1);
      if (catchThrowable(iommu::close) != null) {
        assertThat(bench.memory.isFree(unit.latchedRoot())).as("write %d lost", lost).isFalse();
        iommu.close();
      }
      assertThat(unit.peek(0x1c) & (TE | QIE | IRE)).as("write %d lost: off", lost).isZero();
      host.close();
      assertThat(bench.memory.allocatedBytes()).as("write %d lost", lost).isZero();
      more = unit.loseNth == 0;
    }
    assertThat(lost).as("writes of a start and an end").isGreaterThan(queue ? 20 : 10);
  }
}
