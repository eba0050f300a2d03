package dev.vmm.iommu.intel.unit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.testing.ArrayMemory;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Literal words of VT-d r4.1, "Interrupt Remapping Table Entry (IRTE) for Remapped Interrupts" (P
 * 0; SID 79:64, SVT 83:82) and "Interrupt Remapping Table Address Register" (S 3:0, EIME 11).
 */
class InterruptTableTest {
  private static final int SOURCE = 0x0310;

  private final List<String> flushed = new ArrayList<>();
  private final ArrayMemory memory =
      new ArrayMemory(16L << 20) {
        @Override
        public void flushCache(long hpa, long lengthBytes) {
          flushed.add(String.format("0x%x+0x%x", hpa, lengthBytes));
        }
      };

  private InterruptTable table(boolean coherent, int entries) {
    return new InterruptTable(memory, coherent, entries, false);
  }

  private static long hpa(InterruptTable table) {
    return table.irta() & ~0xfffL;
  }

  @Test
  void theRegisterHoldsTheAddressTheSizeAndTheMode() {
    assertThat(table(true, 256).irta() & 0xfff).isEqualTo(0x7);
    assertThat(table(true, 65536).irta() & 0xfff).isEqualTo(0xf);
    assertThat(new InterruptTable(memory, true, 512, true).irta() & 0xfff).isEqualTo(0x808);
  }

  @Test
  void entriesBeginAtAMultipleOfThePowerOfTwoThatTheyNeed() {
    InterruptTable table = table(true, 256);
    assertThat(table.take(SOURCE, 1)).isZero();
    assertThat(table.take(SOURCE, 2)).isEqualTo(2);
    assertThat(table.take(SOURCE, 1)).isEqualTo(1);
    assertThat(table.take(SOURCE, 3)).isEqualTo(4);
    assertThat(table.take(SOURCE, 1)).isEqualTo(7);
    assertThat(table.take(SOURCE, 5)).isEqualTo(8);
    assertThat(table.take(SOURCE, 32)).isEqualTo(32);
    table.giveBack(4, 3);
    assertThat(table.take(SOURCE, 4)).as("7 is still taken").isEqualTo(16);
    assertThat(table.take(SOURCE, 3)).as("4 to 6 were given back").isEqualTo(4);
  }

  @Test
  void everyEntryOfATableCanBeTakenAndNoMore() {
    InterruptTable table = table(true, 256);
    assertThat(table.take(SOURCE, 128)).isZero();
    assertThat(table.take(SOURCE, 64)).isEqualTo(128);
    assertThat(table.take(SOURCE, 63)).isEqualTo(192);
    assertThat(table.take(SOURCE, 1)).isEqualTo(255);
    assertThatThrownBy(() -> table.take(SOURCE, 1))
        .hasMessageContaining("256 of 256 are taken")
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOSPC));
    table.giveBack(255, 1);
    assertThat(table.take(SOURCE, 1)).isEqualTo(255);
    assertThatThrownBy(() -> table(true, 256).take(SOURCE, 257))
        .hasMessageContaining("no 257 entries");
  }

  @Test
  void takenEntriesNameTheirSourceAndAreNotPresent() {
    InterruptTable table = table(true, 256);
    long at = hpa(table);
    table.take(0x0018, 1);
    int first = table.take(SOURCE, 2);
    assertThat(memory.read64(at + 8)).isEqualTo(0x4_0018L);
    assertThat(memory.read64(at + 16 + 8)).as("not taken").isZero();
    for (int index = first; index < first + 2; index++) {
      assertThat(table.present(index)).isFalse();
      assertThat(memory.read64(at + 16L * index)).isZero();
      assertThat(memory.read64(at + 16L * index + 8)).isEqualTo(0x4_0310L);
    }
    assertThat(memory.read64(at + 16L * (first + 2) + 8)).as("beside them").isZero();
    table.set(first + 1, 0x41_0001L);
    assertThat(table.present(first)).isFalse();
    assertThat(table.present(first + 1)).isTrue();
    assertThat(memory.read64(at + 16L * (first + 1))).isEqualTo(0x41_0001L);
    assertThat(memory.read64(at + 16L * (first + 1) + 8)).isEqualTo(0x4_0310L);
  }

  @Test
  void aUnitThatDoesNotSnoopIsShownTheTableAndEachChange() {
    InterruptTable table = table(false, 512);
    long at = hpa(table);
    assertThat(flushed).containsExactly(String.format("0x%x+0x2000", at));
    flushed.clear();
    table.take(SOURCE, 1);
    table.take(SOURCE, 3);
    table.set(5, 0x41_0001L);
    assertThat(flushed)
        .containsExactly(
            String.format("0x%x+0x10", at),
            String.format("0x%x+0x30", at + 64),
            String.format("0x%x+0x10", at + 80));
    flushed.clear();
    table(true, 256).take(SOURCE, 1);
    assertThat(flushed).as("where the unit snoops").isEmpty();
  }

  @Test
  void theTableGoesBackWhole() {
    long before = memory.allocatedBytes();
    InterruptTable table = table(true, 1024);
    assertThat(memory.allocatedBytes()).isEqualTo(before + 0x4000);
    table.free();
    assertThat(memory.allocatedBytes()).isEqualTo(before);
    ArrayMemory failing =
        new ArrayMemory(4L << 20) {
          @Override
          public void flushCache(long hpa, long lengthBytes) {
            throw new IllegalStateException("no cache");
          }
        };
    assertThatThrownBy(() -> new InterruptTable(failing, false, 256, false)).hasMessage("no cache");
    assertThat(failing.allocatedBytes()).isZero();
  }
}
