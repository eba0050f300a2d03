package dev.vmm.machine.model.amd;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.dma.RemappingUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class AmdViThreadsTest {
  @Test
  @Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void dmasFromManyThreadsSeeThePageOrNothingAndNothingAfterTheInvalidation() throws Exception {
    Bench bench = new Bench(AmdViConfig.builder()).enabled();
    long root = bench.memory.allocatePage();
    bench.attach(1, root, 7);
    ExecutorService threads = Executors.newFixedThreadPool(3);
    List<Future<?>> dmas = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      dmas.add(
          threads.submit(
              () -> {
                for (int i = 0; i < 20_000; i++) {
                  assertThat(bench.dma(0x3000, true)).isIn(0x9000L, RemappingUnit.BLOCKED);
                  bench.unit.read(0x2020, 8);
                }
              }));
    }
    int rounds = 0;
    while (!dmas.stream().allMatch(Future::isDone)) {
      bench.memory.write64(root + 24, Bench.pte(0x9000));
      assertThat(bench.dma(0x3000, true)).isEqualTo(0x9000);
      bench.memory.write64(root + 24, 0);
      bench.invalidateDomain(7);
      bench.sync();
      bench.assertBlocked(0x3000, true);
      rounds++;
    }
    for (Future<?> dma : dmas) {
      dma.get(1, TimeUnit.SECONDS);
    }
    threads.shutdown();
    assertThat(rounds).isPositive();
    bench.assertClean();
  }
}
