package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.BASE;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.dmar.DmarTable;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakePci;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The bus is searched for functions only where the answer depends on it: a search is slow. */
class UnitFinderTest {
  private static final Rid UNKNOWN = Rid.parse("00:06.0");
  private static final Rid NOBODY = Rid.parse("00:09.0");

  /** A look at one bus reads the vendor ids of its 32 devices. */
  private static final int A_LOOK = 31;

  private static final class CountingPci extends FakePci {
    private int reads;
    private boolean broken;
    private Runnable onEnd = () -> {};

    @Override
    public int read(Rid rid, int offset, int widthBytes) {
      reads++;
      if (broken) {
        throw new VmmException(Errno.EIO, "no answer");
      }
      return super.read(rid, offset, widthBytes);
    }

    @Override
    public List<PciFunction> functions() {
      List<PciFunction> all = super.functions();
      onEnd.run();
      return all;
    }
  }

  private final CountingPci pci = new CountingPci();

  private UnitFinder finder(DmarBuilder dmar) {
    pci.add("00:02.0", 0x8086, 1, 0x020000);
    pci.add("00:05.0", 0x8086, 3, 0x030000);
    return new UnitFinder(DmarTable.parse(dmar.build()), pci, List.of());
  }

  private UnitFinder scoped() {
    return finder(new DmarBuilder().drhd(false, 0, BASE, DmarBuilder.endpoint(0, 5, 0)));
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
    UnitFinder finder = scoped();
    assertThat(readsToFind(finder, GPU)).isGreaterThan(A_LOOK);
    assertThat(readsToFind(finder, NIC)).isZero();
    assertThat(readsToFind(finder, UNKNOWN)).isGreaterThan(A_LOOK);
  }

  /** What a bridge puts in place is asked for at each move of what is behind it. */
  @Test
  void anIdThatIsNoFunctionsOwnIsLookedForOnceMoreOnlyIfItMayBeOneByNow() {
    UnitFinder finder = scoped();
    finder.find(UNKNOWN);
    assertThat(readsToFind(finder, UNKNOWN)).as("whether it answers").isEqualTo(1);
    pci.add("00:06.0", 0x8086, 4, 0x020000);
    assertThat(readsToFind(finder, UNKNOWN)).as("it answers").isGreaterThan(A_LOOK);
    assertThat(readsToFind(finder, UNKNOWN)).as("it is known").isZero();
  }

  /** An id's own config space does not tell that it is a VF's: its vendor id reads ffffh. */
  @Test
  void anIdThatIsNoFunctionsOwnIsLookedForOnceMoreIfAnyPfHasOtherVfs() {
    FakePci.Function pf = pci.add("00:07.0", 0x8086, 5, 0x020000);
    pf.config.putInt(0x100, 0x0001_0010).putShort(0x114, (short) 2).putShort(0x116, (short) 1);
    UnitFinder finder = scoped();
    finder.find(UNKNOWN);
    finder.find(UNKNOWN);
    assertThat(readsToFind(finder, UNKNOWN)).as("it, and VF Enable").isEqualTo(2);
    pf.config.putShort(0x108, (short) 1).putShort(0x110, (short) 1);
    assertThat(readsToFind(finder, UNKNOWN)).as("00:07.2 came").isGreaterThan(A_LOOK);
    assertThat(readsToFind(finder, UNKNOWN)).as("and is known").isLessThan(A_LOOK);
    assertThat(readsToFind(finder, Rid.parse("00:07.2"))).isZero();
    pf.config.putShort(0x110, (short) 2);
    assertThat(readsToFind(finder, UNKNOWN)).as("00:07.3 came").isGreaterThan(A_LOOK);
    pf.config.putShort(0x116, (short) 4);
    assertThat(readsToFind(finder, UNKNOWN)).as("00:08.0 came").isGreaterThan(A_LOOK);
    pf.config.putShort(0x114, (short) 3);
    assertThat(readsToFind(finder, UNKNOWN)).as("00:07.4 came").isGreaterThan(A_LOOK);
    assertThat(readsToFind(finder, UNKNOWN)).isLessThan(A_LOOK);
  }

  /** One that comes to be while the others are read is seen the next time. */
  @Test
  void vfsThatComeDuringALookAreMissedOnceAtMost() {
    FakePci.Function pf = pci.add("00:07.0", 0x8086, 5, 0x020000);
    pf.config.putInt(0x100, 0x0001_0010).putShort(0x114, (short) 2).putShort(0x116, (short) 1);
    UnitFinder finder = scoped();
    finder.find(UNKNOWN);
    finder.find(NOBODY);
    pci.add("00:06.0", 0x8086, 4, 0x020000);
    // After what the PF has was read, and before the look is over.
    pci.onEnd = () -> pf.config.putShort(0x108, (short) 1).putShort(0x110, (short) 1);
    finder.find(UNKNOWN);
    pci.onEnd = () -> {};
    finder.find(NOBODY);
    assertThat(readsToFind(finder, Rid.parse("00:07.2"))).as("the VF is known").isZero();
  }

  @Test
  void aBusThatDoesNotAnswerLeavesNobodysIdWhereItWas() {
    UnitFinder finder = scoped();
    finder.find(UNKNOWN);
    pci.broken = true;
    finder.find(UNKNOWN);
    assertThatThrownBy(() -> finder.find(NOBODY)).hasMessage("no answer");
  }
}
