package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;

/** Whatever one thread did last, and however it ended, the next thread goes on. */
class LocksTest {
  private static final long CAP = FakeVtdUnit.CAP | 1L << 4;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long PAGE = 0x1000;

  /** Does one step in a thread of its own, which ends with it. */
  private static void step(Runnable work) {
    FutureTask<Void> task = new FutureTask<>(work, null);
    Thread thread = new Thread(task, "step");
    thread.setDaemon(true);
    thread.start();
    try {
      task.get(10, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("a step before this one has kept a lock", e);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new AssertionError(e.getCause());
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void failingStep(Runnable work) {
    assertThatThrownBy(() -> step(work)).isInstanceOf(VmmException.class);
  }

  @Test
  void everyStepThatGoesWellLetsTheNextThreadGoOn() {
    Bench bench = Bench.one(CAP, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    step(() -> iommu.move(List.of(NIC, DISK), host));
    step(iommu::enable);
    step(iommu::enable);
    step(() -> vm.map(0x3000, 0x8000, PAGE, Access.READ_WRITE));
    step(() -> iommu.move(List.of(NIC), vm));
    step(() -> vm.map(0x5000, 0x9000, PAGE, Access.READ_WRITE));
    step(() -> vm.unmap(0x3000, PAGE));
    step(iommu::drainFaults);
    step(() -> iommu.move(List.of(NIC), host));
    step(vm::close);
    step(vm::close);
    step(iommu::disable);
    step(() -> iommu.move(List.of(NIC), domain(iommu, "other")));
    step(iommu::enable);
    step(iommu::close);
    step(iommu::close);
    step(host::close);
    bench.checkRules();
  }

  @Test
  void everyStepThatFailsLetsTheNextThreadGoOn() {
    Bench bench = Bench.one(CAP, ECAP).impatient();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    step(() -> iommu.move(List.of(NIC), host));
    bench.unit().stuckStatus = 1L << 31;
    failingStep(iommu::enable);
    bench.unit().stuckStatus = 0;
    step(iommu::enable);
    failingStep(host::close);
    bench.memory.afterStore =
        () -> {
          throw new IllegalStateException("no store");
        };
    failingStep(() -> iommu.move(List.of(NIC), vm));
    bench.memory.afterStore = () -> {};
    step(() -> host.map(0x3000, 0x8000, PAGE, Access.READ_WRITE));
    bench.unit().hangInvalidations = true;
    failingStep(() -> host.unmap(0x3000, PAGE));
    failingStep(() -> host.map(0x4000, 0x9000, PAGE, Access.READ_WRITE));
    failingStep(() -> iommu.move(List.of(NIC), vm));
    bench.unit().dead = true;
    failingStep(iommu::drainFaults);
    failingStep(iommu::disable);
    failingStep(iommu::close);
    bench.unit().dead = false;
    bench.unit().hangInvalidations = false;
    step(iommu::close);
    assertThat(iommu.enabled()).isFalse();
  }
}
