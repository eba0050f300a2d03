package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** The first assign starts the I/O MMU, once, and the platform's close ends it. */
abstract class Inv04StartContract extends ContractPart {
  /** A second start would find the units on, and so be refused (invariant 11). */
  @Test
  void i04_concurrentFirstAssignsStartItOnce() throws Exception {
    List<Rid> rids = stage().endpoints();
    try (Bench bench = stage().bench()) {
      ExecutorService pool = Executors.newFixedThreadPool(rids.size());
      try {
        CountDownLatch go = new CountDownLatch(1);
        List<Future<?>> assigns = new ArrayList<>();
        for (Rid rid : rids) {
          VirtualMachine vm = bench.guest("guest " + rid);
          TckDevice device = new TckDevice(rid, bench.vmm().iommu());
          assigns.add(
              pool.submit(
                  () -> {
                    go.await();
                    device.assign(vm);
                    return rid;
                  }));
        }
        go.countDown();
        for (Future<?> assign : assigns) {
          assign.get(60, TimeUnit.SECONDS);
        }
      } finally {
        pool.shutdownNow();
      }
      assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
      assertThat(rids)
          .allSatisfy(rid -> assertThat(bench.domainOf(rid)).hasValue("vm:guest " + rid));
    }
  }

  @Test
  void i04_itStartsAgainAfterItWasClosed() {
    for (int i = 0; i < 3; i++) {
      try (Bench bench = stage().bench()) {
        assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.OFF);
        bench.guestWithBareDevice("guest");
        assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
        assertThat(bench.vmm().iommu().startTime()).isPresent();
        assertThat(bench.vmm().sysctls()).containsEntry("hw.vmm.iommu.initialized", "1");
      }
      stage().end();
    }
  }
}
