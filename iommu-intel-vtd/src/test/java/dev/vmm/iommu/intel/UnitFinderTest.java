package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.BASE;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The bus is searched for functions only where the answer depends on it: a search is slow. */
class UnitFinderTest {
  private static final Rid UNKNOWN = Rid.parse("00:06.0");

  private static final class CountingPci extends FakePci {
    private int reads;

    @Override
    public int read(Rid rid, int offset, int widthBytes) {
      reads++;
      return super.read(rid, offset, widthBytes);
    }
  }

  private final CountingPci pci = new CountingPci();

  private UnitFinder finder(DmarBuilder dmar) {
    pci.add("00:02.0", 0x8086, 1, 0x020000);
    pci.add("00:05.0", 0x8086, 3, 0x030000);
    return new UnitFinder(DmarTable.parse(dmar.build()), pci, List.of());
  }

  private int readsToFind(UnitFinder finder, Rid rid) {
    int before = pci.reads;
    finder.find(rid);
    return pci.reads - before;
  }

  @Test
  void withOneUnitForEverythingNobodyAsksWhoseAFunctionIs() {
    UnitFinder finder = finder(new DmarBuilder().drhd(true, 0, BASE));
    assertThat(readsToFind(finder, NIC)).isZero();
    assertThat(readsToFind(finder, UNKNOWN)).isZero();
  }

  @Test
  void withScopesTheBusIsSearchedUntilTheFunctionIsKnown() {
    UnitFinder finder =
        finder(new DmarBuilder().drhd(false, 0, BASE, DmarBuilder.endpoint(0, 5, 0)));
    assertThat(readsToFind(finder, GPU)).isPositive();
    assertThat(readsToFind(finder, NIC)).isZero();
    // Any time it may have come to be.
    assertThat(readsToFind(finder, UNKNOWN)).isPositive();
    assertThat(readsToFind(finder, UNKNOWN)).isPositive();
  }
}
