package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.amd.structs.Irte;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Entries of 32 bits, by literal words of 48882 rev 3, "Interrupt Remapping Tables". */
class InterruptTableTest {
  /** RemapEn 0, destination 15:8, vector 23:16. */
  private static final int ENTRY = 0x41_0101;

  private final List<String> flushed = new ArrayList<>();
  private final ArrayMemory memory =
      new ArrayMemory(16L << 20) {
        @Override
        public void flushCache(long hpa, long lengthBytes) {
          flushed.add(String.format("0x%x+0x%x", hpa, lengthBytes));
        }
      };

  private InterruptTable table(boolean coherent) {
    return new InterruptTable(memory, coherent, 0x10);
  }

  private static Irte entry() {
    return Irte.to(InterruptTarget.of(new MsiMessage(0xfee0_1000L, 0x41)));
  }

  @Test
  void entriesBeginAtAMultipleOfThePowerOfTwoThatTheyNeed() {
    InterruptTable table = table(true);
    assertThat(table.reserve(1)).isZero();
    assertThat(table.reserve(2)).isEqualTo(2);
    assertThat(table.reserve(1)).isEqualTo(1);
    assertThat(table.reserve(3)).isEqualTo(4);
    assertThat(table.reserve(1)).isEqualTo(7);
    assertThat(table.reserve(5)).isEqualTo(8);
    assertThat(table.reserve(32)).isEqualTo(32);
    table.giveBack(4, 3);
    assertThat(table.reserve(4)).as("7 is still taken").isEqualTo(16);
    assertThat(table.reserve(3)).as("4 to 6 were given back").isEqualTo(4);
  }

  @Test
  void everyEntryOfATableCanBeTakenAndNoMore() {
    InterruptTable table = table(true);
    assertThat(table.unused()).isTrue();
    assertThat(table.reserve(512)).isZero();
    assertThat(table.unused()).isFalse();
    assertThat(table.reserve(1)).isEqualTo(-1);
    table.giveBack(511, 1);
    assertThat(table.reserve(2)).isEqualTo(-1);
    assertThat(table.reserve(1)).isEqualTo(511);
    assertThat(table(true).reserve(513)).isEqualTo(-1);
  }

  @Test
  void anEntryIsOneWordThatChangesAndNoOther() {
    InterruptTable table = table(true);
    table.set(3, entry());
    assertThat(memory.read(table.base() + 12, 4)).isEqualTo(ENTRY);
    assertThat(memory.read64(table.base())).isZero();
    assertThat(memory.read(table.base() + 8, 4)).isZero();
    assertThat(memory.read(table.base() + 16, 4)).isZero();
    table.set(4, entry());
    table.set(5, entry());
    table.clear(3, 2);
    assertThat(memory.read(table.base() + 12, 4)).isZero();
    assertThat(memory.read(table.base() + 16, 4)).isZero();
    assertThat(memory.read(table.base() + 20, 4)).isEqualTo(ENTRY);
  }

  @Test
  void aTableKnowsWhetherOthersStillUseIt() {
    InterruptTable table = table(true);
    int two = table.reserve(2);
    assertThat(table.usedOnlyFor(two, 2)).isTrue();
    int one = table.reserve(1);
    assertThat(table.usedOnlyFor(two, 2)).isFalse();
    assertThat(table.usedOnlyFor(one, 1)).isFalse();
    table.giveBack(two, 2);
    assertThat(table.usedOnlyFor(one, 1)).isTrue();
    table.addUser(0x18);
    table.addUser(0x10);
    table.addUser(0x18);
    assertThat(table.users()).containsExactly(0x10, 0x18);
    assertThat(table.hasUser(0x18)).isTrue();
    assertThat(table.hasUser(0x19)).isFalse();
    assertThat(table.alias()).isEqualTo(0x10);
  }

  @Test
  void aUnitThatDoesNotSnoopIsShownTheTableAndEachChange() {
    InterruptTable table = table(false);
    long at = table.base();
    table.set(3, entry());
    table.clear(2, 5);
    assertThat(flushed)
        .containsExactly(
            String.format("0x%x+0x1000", at),
            String.format("0x%x+0x4", at + 12),
            String.format("0x%x+0x14", at + 8));
    flushed.clear();
    table(true).set(3, entry());
    assertThat(flushed).as("where the unit snoops").isEmpty();
  }

  @Test
  void theTableGoesBackWhole() {
    long before = memory.allocatedBytes();
    InterruptTable table = table(true);
    assertThat(memory.allocatedBytes()).isEqualTo(before + 0x1000);
    table.free();
    assertThat(memory.allocatedBytes()).isEqualTo(before);
  }
}
