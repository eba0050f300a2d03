package dev.vmm.iommu.pagetable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.WalkStep.Why;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** {@link WalkFailure}: the level and entry that the report of a fault names. */
class WalkFailureTest {
  private final ArrayMemory memory = new ArrayMemory(1L << 24);
  private final PageTableFormat format = new SimpleFormat();
  private final long root = memory.allocatePage();
  private final long middle = memory.allocatePage();
  private final long bottom = memory.allocatePage();

  private Optional<WalkStep> find(long iova, Access access) {
    return WalkFailure.find(format, memory, root, 3, iova, access);
  }

  @Test
  void eachLevelCanBeTheLast() {
    long iova = 0x1234_5678L & 0x3fff_ffff;
    long at3 = root + 8L * PageTableFormat.index(iova, 3);
    long at2 = middle + 8L * PageTableFormat.index(iova, 2);
    long at1 = bottom + 8L * PageTableFormat.index(iova, 1);
    assertThat(find(iova, Access.READ)).contains(new WalkStep(3, at3, 0, Why.NOT_PRESENT));
    memory.write64(at3, middle | 3);
    assertThat(find(iova, Access.READ)).contains(new WalkStep(2, at2, 0, Why.NOT_PRESENT));
    memory.write64(at2, bottom | 3);
    assertThat(find(iova, Access.READ)).contains(new WalkStep(1, at1, 0, Why.NOT_PRESENT));
    memory.write64(at1, 0x5001);
    assertThat(find(iova, Access.READ)).isEmpty();
    assertThat(find(iova, Access.WRITE)).contains(new WalkStep(1, at1, 0x5001, Why.NOT_PERMITTED));
    memory.write64(at1, 0x5003);
    assertThat(find(iova, Access.READ_WRITE)).isEmpty();
  }

  @Test
  void aTableOutsideRamAndAWidthTooSmallAreNoEndlessWalks() {
    memory.write64(root, (1L << 40) | 3);
    assertThat(find(0, Access.READ)).map(WalkStep::why).contains(Why.UNREADABLE);
    assertThat(find(1L << 39, Access.READ)).isEmpty();
    assertThat(WalkFailure.find(format, memory, 1L << 40, 3, 0, Access.READ)).isEmpty();
    // A loop: each level is read once, and the last entry is a page.
    memory.write64(root, root | 3);
    assertThat(find(0, Access.READ)).isEmpty();
  }

  @Test
  void itAgreesWithTheWalkThatTheInspectorShowsWhateverMemoryHolds() {
    Random random = new Random(16);
    for (int round = 0; round < 2000; round++) {
      for (long table : new long[] {root, middle, bottom}) {
        long next = table == root ? middle : table == middle ? bottom : 0x9000;
        long entry =
            switch (random.nextInt(4)) {
              case 0 -> 0;
              case 1 -> random.nextLong();
              default -> next | random.nextInt(4);
            };
        memory.write64(table, entry);
      }
      Access access = random.nextBoolean() ? Access.READ : Access.WRITE;
      PageTableTrace.Result trace =
          PageTableTrace.trace(format, memory, root, 3, 0, new ArrayList<>());
      boolean permitted =
          trace.translation().filter(to -> to.access().and(access) != null).isPresent();
      assertThat(find(0, access).isEmpty()).as("round %d", round).isEqualTo(permitted);
    }
  }
}
