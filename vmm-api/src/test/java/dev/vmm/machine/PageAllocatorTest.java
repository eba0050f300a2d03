package dev.vmm.machine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PageAllocatorTest {
  private static final long PAGE = 0x1000;

  private static PageAllocator pages(long start, int count) {
    return new PageAllocator(List.of(new AddressRange(start, count * PAGE)));
  }

  @Test
  void everyPageIsGivenOnceThenEnomem() {
    PageAllocator allocator = pages(0x10_0000, 4);
    assertThat(
            List.of(
                allocator.allocate(PAGE, PAGE),
                allocator.allocate(PAGE, PAGE),
                allocator.allocate(PAGE, PAGE),
                allocator.allocate(PAGE, PAGE)))
        .containsExactlyInAnyOrder(0x10_0000L, 0x10_1000L, 0x10_2000L, 0x10_3000L);
    assertThatThrownBy(() -> allocator.allocate(PAGE, PAGE))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM))
        .hasMessageContaining("0x4000 bytes are allocated");
  }

  @Test
  void singlePagesThatWereFreedMakeARunAgain() {
    PageAllocator allocator = pages(0, 4);
    long[] singles = new long[4];
    for (int i = 0; i < 4; i++) {
      singles[i] = allocator.allocate(PAGE, PAGE);
    }
    for (long page : singles) {
      allocator.free(page, PAGE);
    }
    assertThat(allocator.allocate(4 * PAGE, 4 * PAGE)).isZero();
  }

  @Test
  void runsAreAligned() {
    PageAllocator allocator = pages(PAGE, 15);
    assertThat(allocator.allocate(PAGE, 8 * PAGE)).isEqualTo(8 * PAGE);
    assertThat(allocator.allocate(2 * PAGE, 4 * PAGE)).isEqualTo(4 * PAGE);
    assertThatThrownBy(() -> allocator.allocate(PAGE, 16 * PAGE))
        .hasMessageContaining("alignment of 0x10000");
  }

  @Test
  void aRunDoesNotCrossFromOneRangeIntoTheNext() {
    PageAllocator allocator =
        new PageAllocator(
            List.of(new AddressRange(0, 2 * PAGE), new AddressRange(3 * PAGE, 2 * PAGE)));
    assertThatThrownBy(() -> allocator.allocate(3 * PAGE, PAGE)).isInstanceOf(VmmException.class);
    assertThat(allocator.allocate(2 * PAGE, PAGE)).isZero();
    assertThat(allocator.allocate(2 * PAGE, PAGE)).isEqualTo(3 * PAGE);
  }

  @ParameterizedTest
  @CsvSource({"0, 4096", "-4096, 4096", "4097, 4096", "4096, 0", "4096, 2048", "4096, 12288"})
  void badLengthsAndAlignmentsAreEinval(long length, long alignment) {
    assertThatThrownBy(() -> pages(0, 4).allocate(length, alignment))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
  }

  @Test
  void onlyAnAllocatedRunOfThatLengthCanBeFreed() {
    PageAllocator allocator = pages(0x10_0000, 16);
    long page = allocator.allocate(PAGE, PAGE);
    long run = allocator.allocate(4 * PAGE, PAGE);
    allocator.free(page, PAGE);
    for (long[] wrong :
        new long[][] {
          {page, PAGE}, // freed already
          {run, PAGE},
          {run, 3 * PAGE},
          {run + PAGE, 3 * PAGE},
          {page + 1, PAGE},
          {0, PAGE}, // below the first page
          {-PAGE, PAGE},
          {0x7fff_ffff_ffff_f000L, PAGE}
        }) {
      assertThatThrownBy(() -> allocator.free(wrong[0], wrong[1]))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
    }
    assertThat(allocator.allocatedBytes()).isEqualTo(4 * PAGE);
    allocator.free(run, 4 * PAGE);
    assertThat(allocator.allocatedBytes()).isZero();
  }

  @Test
  void rangesThatAreNotPagesAreRefused() {
    assertThatThrownBy(() -> new PageAllocator(List.of())).isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> new PageAllocator(List.of(new AddressRange(0, 0x1800))))
        .hasMessageContaining("0x0-0x17ff");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 4, 5})
  void randomRunsNeverOverlapAndAllComeBack(long seed) {
    Random random = new Random(seed);
    int count = 256;
    PageAllocator allocator = pages(16 * PAGE, count);
    BitSet taken = new BitSet();
    List<long[]> held = new ArrayList<>();
    for (int step = 0; step < 3000; step++) {
      if (!held.isEmpty() && random.nextInt(5) < 2) {
        long[] run = held.remove(random.nextInt(held.size()));
        allocator.free(run[0], run[1]);
        taken.clear((int) (run[0] / PAGE), (int) ((run[0] + run[1]) / PAGE));
        continue;
      }
      int pages = random.nextInt(3) > 0 ? 1 : 1 + random.nextInt(9);
      int align = 1 << random.nextInt(4);
      try {
        long start = allocator.allocate(pages * PAGE, align * PAGE);
        int first = (int) (start / PAGE);
        assertThat(first % align).isZero();
        assertThat(first).isBetween(16, 16 + count - pages);
        assertThat(taken.get(first, first + pages).isEmpty()).isTrue();
        taken.set(first, first + pages);
        held.add(new long[] {start, pages * PAGE});
      } catch (VmmException e) {
        assertThat(fits(taken, 16, 16 + count, pages, align)).as(e.getMessage()).isFalse();
      }
      assertThat(allocator.allocatedBytes()).isEqualTo(taken.cardinality() * PAGE);
    }
    for (long[] run : held) {
      allocator.free(run[0], run[1]);
    }
    assertThat(allocator.allocate(count * PAGE, PAGE)).isEqualTo(16 * PAGE);
  }

  private static boolean fits(BitSet taken, int from, int end, int pages, int align) {
    for (int at = (from + align - 1) / align * align; at + pages <= end; at += align) {
      if (taken.get(at, at + pages).isEmpty()) {
        return true;
      }
    }
    return false;
  }
}
