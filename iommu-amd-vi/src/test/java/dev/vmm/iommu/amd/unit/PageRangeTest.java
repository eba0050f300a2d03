package dev.vmm.iommu.amd.unit;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The words against the book's, and against a decoder that reads them bit by bit. */
class PageRangeTest {
  private static final long PAGE = 0x1000;

  @ParameterizedTest
  @CsvSource({
    "0x5000, 0x1000, false, 0x5000",
    "0x5000, 0x1000, true, 0x5002",
    "0x4000, 0x2000, false, 0x4001",
    "0x5000, 0x2000, false, 0x5001",
    "0x6000, 0x2000, true, 0x6003",
    "0x0, 0x4000, false, 0x1001",
    "0x3000, 0x2000, false, 0x3001",
    "0x200000, 0x200000, false, 0x2ff001",
    "0x40000000, 0x40000000, true, 0x5ffff003",
    "0x0, 0x4000000000000, false, 0x1fffffffff001",
    "0x0, 0x8000000000000, false, 0x3fffffffff001",
    "0x0, 0x10000000000000, false, 0x7ffffffffffff001",
    "0x0, 0x8000000000000000, true, 0x7ffffffffffff003",
  })
  void rangesAreToldAsTheBookShows(String iova, String length, boolean directories, String word) {
    assertThat(
            PageRange.covering(
                Long.decode(iova), Long.parseUnsignedLong(length.substring(2), 16), directories))
        .isEqualTo(Long.parseUnsignedLong(word.substring(2), 16));
  }

  @Test
  void everyRangeOfFewPagesIsCoveredByTheSmallestThatCan() {
    for (long first = 0; first < 70; first++) {
      for (long pages = 1; pages <= 70; pages++) {
        check(first * PAGE, pages * PAGE);
        check((0xf_ffff_ffc0L + first) * PAGE, pages * PAGE);
      }
    }
  }

  @Test
  void rangesAnywhereAreCoveredByTheSmallestThatCan() {
    Random random = new Random(48882);
    for (int i = 0; i < 20_000; i++) {
      long iova = (random.nextLong() >>> (7 + random.nextInt(45))) & -PAGE;
      long length = ((random.nextLong() >>> (13 + random.nextInt(39))) & -PAGE) + PAGE;
      check(iova, length);
    }
  }

  private static void check(long iova, long length) {
    long word = PageRange.covering(iova, length, false);
    long last = iova + length - 1;
    long size = size(word);
    long start = word & -PAGE & -size;
    assertThat(start).as("start for 0x%x + 0x%x", iova, length).isLessThanOrEqualTo(iova);
    assertThat(start + size - 1)
        .as("end for 0x%x + 0x%x", iova, length)
        .isGreaterThanOrEqualTo(last);
    if (size > PAGE && size < Long.MAX_VALUE) {
      long half = size / 2;
      assertThat(iova / half)
          .as("0x%x + 0x%x would fit in half", iova, length)
          .isNotEqualTo(last / half);
    }
  }

  /** As a unit does: without S one page; else by the lowest clear bit. */
  private static long size(long word) {
    if ((word & 1) == 0) {
      return PAGE;
    }
    int bit = 12;
    while ((word >>> bit & 1) == 1) {
      bit++;
    }
    return bit >= 62 ? Long.MAX_VALUE : 2L << bit;
  }
}
