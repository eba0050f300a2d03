package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.testing.FakeIommuProvider;
import dev.vmm.core.testing.FakePlan.Kind;
import dev.vmm.core.testing.Vmms;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ConcurrentStartTest {
  private static final int THREADS = 8;

  private final FakeMachine machine = new FakeMachine(new ArrayMemory(64L << 20));
  private final FakeIommuProvider fake = new FakeIommuProvider("fake");

  private final HeldVms vms = new HeldVms();

  /**
   * Runs eight first assigns; the one that starts is held until the seven others wait for it.
   * Returns what went wrong.
   */
  private List<VmmException> assignEightAtOnce(Vmm vmm) throws InterruptedException {
    List<VmmException> failures = new CopyOnWriteArrayList<>();
    List<Thread> threads = new ArrayList<>();
    fake.plan.onCall(
        kind -> {
          if (kind == Kind.OPEN) {
            assertThat(vmm.iommu().state()).isEqualTo(IommuState.STARTING);
            awaitOthersWaiting(threads);
          }
        });
    for (int i = 0; i < THREADS; i++) {
      Rid rid = new Rid(0, 0, i + 1, 0);
      machine.pci().add(rid.toString(), 0x1234, 0x11e8, 0xff0000);
      TestDevice device = new TestDevice(vmm, vms.held(vmm.createVm("guest" + i)), rid);
      threads.add(
          new Thread(
              () -> {
                try {
                  device.assign();
                } catch (VmmException e) {
                  failures.add(e);
                }
              }));
    }
    threads.forEach(Thread::start);
    for (Thread thread : threads) {
      thread.join();
    }
    return failures;
  }

  private static void awaitOthersWaiting(List<Thread> threads) {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (System.nanoTime() < deadline) {
      long waiting =
          threads.stream().filter(thread -> thread.getState() == Thread.State.WAITING).count();
      if (waiting == THREADS - 1) {
        return;
      }
      Thread.onSpinWait();
    }
    throw new IllegalStateException("the other threads do not wait");
  }

  @Test
  @Timeout(60)
  void i04_eightFirstAssignsStartItOnce() throws InterruptedException {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      assertThat(assignEightAtOnce(vmm)).isEmpty();
      assertThat(fake.plan.count(Kind.OPEN)).isEqualTo(1);
      assertThat(fake.plan.count(Kind.ENABLE)).isEqualTo(1);
      assertThat(vmm.vms()).hasSize(THREADS).allSatisfy(vm -> assertThat(vm.devices()).hasSize(1));
    }
    assertThat(fake.violations).isEmpty();
    assertThat(machine.memory().allocatedBytes()).isZero();
  }

  @Test
  @Timeout(60)
  void i04_allThatWaitedShareTheFailureOfTheOneTry() throws InterruptedException {
    try (Vmm vmm = Vmms.open(machine, Tunables.defaults(), fake)) {
      fake.plan.failNth(Kind.ENABLE, 1, Errno.EIO);
      List<VmmException> failures = assignEightAtOnce(vmm);
      assertThat(failures).hasSize(THREADS);
      assertThat(failures)
          .extracting(Throwable::getCause)
          .containsOnly(vmm.iommu().failure().orElseThrow());
      assertThat(fake.plan.count(Kind.OPEN)).isEqualTo(1);
      fake.plan.onCall(kind -> {});
      new TestDevice(vmm, vms.held(vmm.createVm("later")), new Rid(0, 0, 1, 0)).assign();
      assertThat(vmm.iommu().state()).isEqualTo(IommuState.ON);
    }
  }
}
