package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Translation;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What {@link Domain} promises, by its own answers. */
abstract class DomainContract extends ContractPart {
  private static final long PAGE = 0x1000;

  private static void mapped(Domain domain, long iova, long hpa, Access access) {
    assertThat(domain.translate(iova))
        .as("translation of 0x%x", iova)
        .hasValueSatisfying(
            to -> {
              assertThat(to.hpa()).isEqualTo(hpa);
              assertThat(to.access()).isEqualTo(access);
            });
  }

  private static void unmapped(Domain domain, long... iovas) {
    for (long iova : iovas) {
      assertThat(domain.translate(iova)).as("translation of 0x%x", iova).isEmpty();
    }
  }

  @Test
  void whatIsMappedTranslatesAndNothingElse() {
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("d");
      assertThat(domain.name()).isEqualTo("d");
      domain.map(0x10000, 0x40000, 3 * PAGE, Access.READ_WRITE);
      domain.map(0x13000, 0x9000, PAGE, Access.READ);
      mapped(domain, 0x10000, 0x40000, Access.READ_WRITE);
      mapped(domain, 0x12fff, 0x42fff, Access.READ_WRITE);
      mapped(domain, 0x13008, 0x9008, Access.READ);
      unmapped(domain, 0, 0xffff, 0x14000, domain.lastIova());
      assertThat(domain.tablePages()).isPositive();
    }
  }

  @Test
  void everyPageSizeIsUsedWhereItFits() {
    try (SpiSession session = stage().session()) {
      long sizes = session.iommu().capabilities().pageSizes();
      Domain domain = session.domain("d");
      for (long rest = sizes; rest != 0; rest &= rest - 1) {
        long size = Long.lowestOneBit(rest);
        if (Long.compareUnsigned(2 * size, domain.lastIova()) <= 0 && size <= 1L << 30) {
          domain.map(size, 2 * size, size, Access.READ_WRITE);
          assertThat(domain.translate(size + size / 2))
              .hasValue(new Translation(2 * size + size / 2, size, Access.READ_WRITE));
          assertThat(domain.unmap(size, size)).isTrue();
          unmapped(domain, size, 2 * size - 1);
          // Contiguous, but not aligned: only smaller pages fit.
          domain.map(size, 2 * size + PAGE, size, Access.READ_WRITE);
          assertThat(domain.translate(size).orElseThrow().pageBytes()).isEqualTo(PAGE);
          assertThat(domain.unmap(size, size)).isTrue();
        }
      }
    }
  }

  @Test
  void badArgumentsAreEinvalAndChangeNothing() {
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("d");
      int hpaBits = session.iommu().capabilities().hpaBits();
      long end = domain.lastIova() + 1;
      long pages = domain.tablePages();
      long[][] bad = {
        {0x1001, 0, PAGE},
        {0, 0x1008, PAGE},
        {0, 0, PAGE + 1},
        {0, 0, 0},
        {0, 0, -PAGE},
        {-PAGE, 0, 2 * PAGE},
        {0x1000, -PAGE, 2 * PAGE},
        {end, 0, PAGE},
        {end - PAGE, 0, 2 * PAGE},
        {0, 1L << Math.min(hpaBits, 63), PAGE},
        {0, (1L << Math.min(hpaBits, 63)) - PAGE, 2 * PAGE},
      };
      for (long[] range : bad) {
        if (range[0] == 0 && range[1] != 0x1008 && range[1] != 0 && hpaBits == 64) {
          continue; // nothing is beyond the reach of 64 bits
        }
        refused(Errno.EINVAL, () -> domain.map(range[0], range[1], range[2], Access.READ_WRITE));
      }
      for (long[] range :
          new long[][] {{1, PAGE}, {0, 1}, {0, 0}, {end, PAGE}, {-PAGE, 2 * PAGE}}) {
        refused(Errno.EINVAL, () -> domain.unmap(range[0], range[1]));
      }
      assertThat(domain.tablePages()).isEqualTo(pages);
      unmapped(domain, 0, 0x1000, end - PAGE);
    }
  }

  @Test
  void theLastPagesCanBeMapped() {
    try (SpiSession session = stage().session()) {
      int bits = session.iommu().capabilities().iovaBits();
      int hpaBits = session.iommu().capabilities().hpaBits();
      Domain domain = session.domain(new DomainSpec("widest", bits == 64 ? -1L : (1L << bits) - 1));
      long lastPage = domain.lastIova() & -PAGE;
      long lastHpa = (hpaBits == 64 ? 0 : 1L << hpaBits) - PAGE;
      domain.map(lastPage, lastHpa, PAGE, Access.READ_WRITE);
      mapped(domain, domain.lastIova(), lastHpa + PAGE - 1, Access.READ_WRITE);
      domain.map(0, lastHpa, PAGE, Access.READ);
      mapped(domain, 0, lastHpa, Access.READ);
      assertThat(domain.unmap(lastPage, PAGE)).isTrue();
      unmapped(domain, domain.lastIova());
    }
  }

  @Test
  void anOverlapIsEinvalAndNothingOfTheRangeIsMapped() {
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("d");
      long large = 0x20_0000;
      domain.map(4 * large, 8 * large, large, Access.READ_WRITE);
      domain.map(PAGE, 0x5000, PAGE, Access.READ);
      refused(Errno.EINVAL, () -> domain.map(0, 0, 3 * PAGE, Access.READ_WRITE), "0x");
      refused(Errno.EINVAL, () -> domain.map(PAGE, 0x5000, PAGE, Access.READ));
      refused(Errno.EINVAL, () -> domain.map(2 * large, 0, 3 * large, Access.READ_WRITE));
      refused(Errno.EINVAL, () -> domain.map(5 * large - PAGE, 0, 2 * PAGE, Access.READ_WRITE));
      unmapped(domain, 0, 2 * PAGE, 2 * large, 3 * large, 5 * large);
      mapped(domain, PAGE, 0x5000, Access.READ);
      mapped(domain, 4 * large + 0x123000, 8 * large + 0x123000, Access.READ_WRITE);
    }
  }

  @Test
  void unmapIsExactPassesOverHolesAndSaysWhetherThereWasAnything() {
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("d");
      domain.map(0x10000, 0x40000, 8 * PAGE, Access.READ_WRITE);
      domain.map(0x30000, 0x60000, PAGE, Access.READ_WRITE);
      assertThat(domain.unmap(0x18000, 0x18000)).isFalse();
      assertThat(domain.unmap(0x12000, 2 * PAGE)).isTrue();
      unmapped(domain, 0x12000, 0x13fff);
      mapped(domain, 0x11fff, 0x41fff, Access.READ_WRITE);
      mapped(domain, 0x14000, 0x44000, Access.READ_WRITE);
      assertThat(domain.unmap(0, domain.lastIova() + 1)).isTrue();
      unmapped(domain, 0x10000, 0x17000, 0x30000);
      assertThat(domain.unmap(0, domain.lastIova() + 1)).isFalse();
    }
  }

  @Test
  void threadsMapDisjointRangesOfOneDomain() throws Exception {
    int threads = 4;
    try (SpiSession session = stage().session()) {
      Domain domain = session.domain("d");
      session.iommu().move(List.of(stage().engineRid()), domain);
      session.iommu().enable();
      ExecutorService pool = Executors.newFixedThreadPool(threads);
      try {
        CountDownLatch go = new CountDownLatch(1);
        List<Future<?>> work = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
          long first = i;
          work.add(
              pool.submit(
                  () -> {
                    go.await();
                    interleaved(domain, first, threads);
                    return first;
                  }));
        }
        go.countDown();
        for (Future<?> one : work) {
          one.get(60, TimeUnit.SECONDS);
        }
      } finally {
        pool.shutdownNow();
      }
      for (long i = 0; i < 64L * threads; i++) {
        long iova = i * 5 * PAGE;
        if (i / threads % 2 == 0) {
          mapped(domain, iova + 3 * PAGE, 2 * iova + 3 * PAGE, Access.READ_WRITE);
        } else {
          unmapped(domain, iova, iova + 3 * PAGE);
        }
        unmapped(domain, iova + 4 * PAGE);
      }
    }
  }

  /** Maps every so-manieth piece, and unmaps every second of them again. */
  private static void interleaved(Domain domain, long first, int step) {
    for (long n = 0; n < 64; n++) {
      long iova = (first + n * step) * 5 * PAGE;
      domain.map(iova, 2 * iova, 4 * PAGE, Access.READ_WRITE);
      if (n % 2 == 1) {
        domain.unmap(iova, 4 * PAGE);
      }
    }
  }
}
