package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A unit's registers hold after its use what they held before. */
class GivenBackTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;

  /** The values written to a register, in hex. */
  private static List<String> written(Bench bench, String offset) {
    return bench.unit().writes.stream()
        .filter(write -> write.startsWith(offset + "="))
        .map(write -> write.substring(offset.length() + 1))
        .toList();
  }

  private static void use(Bench bench) {
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "host"));
    iommu.enable();
    iommu.close();
  }

  @Test
  void faultEventsAreMaskedMeanwhileAndTheOtherBitsKept() {
    Bench bench = Bench.one(CAP, ECAP);
    // FECTL_REG: IM is bit 31, bits 29:0 are to be preserved.
    bench.unit().preset(0x38, 0x1234);
    use(bench);
    assertThat(written(bench, "38")).containsExactly("80001234", "1234");
  }

  @Test
  void faultEventsThatWereMaskedAreLeftAlone() {
    Bench bench = Bench.one(CAP, ECAP);
    bench.unit().preset(0x38, 0x80000000L);
    use(bench);
    assertThat(written(bench, "38")).isEmpty();
  }

  @Test
  void protectedRegionsThatWereOffStayOff() {
    // PLMR and PHMR.
    Bench bench = Bench.one(CAP | 0x60L, ECAP);
    use(bench);
    assertThat(written(bench, "64")).isEmpty();
  }

  @Test
  void theQueueIsWhereItWas() {
    Bench bench = Bench.one(CAP, ECAP);
    bench.unit().preset(0x90, 0x12345000L);
    bench.unit().preset(0x88, 0x40);
    use(bench);
    assertThat(bench.unit().peek(0x90)).isEqualTo(0x12345000L);
    assertThat(bench.unit().peek(0x88)).isEqualTo(0x40);
    bench.checkRules();
  }

  @Test
  void theRootTableThatWasThereIsTheOneThatTheUnitHolds() {
    Bench bench = Bench.one(CAP, ECAP);
    bench.unit().preset(0x20, 0x55000);
    use(bench);
    assertThat(bench.unit().peek(0x20)).isEqualTo(0x55000);
    assertThat(bench.unit().latchedRoot()).isEqualTo(0x55000);
    bench.checkRules();
  }
}
