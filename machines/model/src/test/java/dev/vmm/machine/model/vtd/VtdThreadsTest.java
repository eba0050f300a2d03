package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VtdThreadsTest {
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  @Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void dmasFromFourThreadsSeeThePageOrNothingAndNothingAfterTheInvalidation(boolean queue)
      throws Exception {
    Rig rig = new Rig();
    long top = rig.page();
    long slot = rig.slot(top, 4, 0x7000, 1);
    rig.attach(DEV, 7, top);
    rig.attach(OTHER, 7, top);
    rig.start();
    if (queue) {
      rig.startQueue();
    }
    ExecutorService threads = Executors.newFixedThreadPool(4);
    List<Future<?>> dmas = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Rid rid = t % 2 == 0 ? DEV : OTHER;
      dmas.add(
          threads.submit(
              () -> {
                for (int i = 0; i < 10_000; i++) {
                  assertThat(rig.write(rid, 0x7008)).isIn(0x5008L, BLOCKED);
                  if (i % 8 == 0) {
                    rig.r32(0x34);
                    rig.unit.cacheSizes();
                  }
                }
              }));
    }
    int rounds = 0;
    do {
      rig.store(slot, 0x5003);
      assertThat(rig.read(DEV, 0x7000)).isEqualTo(0x5000);
      rig.store(slot, 0);
      rig.iotlbPages(7, 0x7000, 0, true);
      assertThat(rig.read(DEV, 0x7000)).isEqualTo(BLOCKED);
      assertThat(rig.read(OTHER, 0x7000)).isEqualTo(BLOCKED);
      rounds++;
    } while (!dmas.stream().allMatch(Future::isDone));
    for (Future<?> dma : dmas) {
      dma.get(1, TimeUnit.SECONDS);
    }
    threads.shutdown();
    assertThat(rounds).isPositive();
    rig.clean();
  }
}
