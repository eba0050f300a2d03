package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Iommu;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/**
 * What a device sees in the middle of a change. Each step is tried with caches that know nothing,
 * since those hide a moment's gap. Only with DMA at will: an engine's takes longer than the moment.
 */
abstract class MomentsContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;
  private static final int MAX_STEPS = 4096;

  @Test
  void i15_whatStaysMappedIsReachedAfterEachStoreOfASplit() {
    DmaPort port = stage().port();
    if (!port.direct()) {
      return;
    }
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    boolean more = true;
    for (int n = 1; more && n < MAX_STEPS; n++) {
      SteppedMachine machine = new SteppedMachine(stage().machine());
      try (SpiSession session = new SpiSession(stage(), machine)) {
        long hpa = session.memory(LARGE, LARGE);
        Domain domain = session.domain("d");
        domain.map(LARGE, hpa, LARGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), domain);
        session.iommu().enable();
        String when = "after store " + n + " of the unmap of another page";
        machine.afterStore(
            n, () -> reach.reaches(rid, LARGE + 7 * PAGE, hpa + 7 * PAGE, Access.READ_WRITE, when));

        domain.unmap(LARGE + 100 * PAGE, PAGE);

        more = machine.happened();
        reach.blocked(rid, LARGE + 100 * PAGE, "unmapped", hpa + 100 * PAGE);
        reach.reaches(rid, LARGE + 7 * PAGE, hpa + 7 * PAGE, Access.READ_WRITE, "in the end");
      }
    }
  }

  @Test
  void i02_aNeighbourReachesItsOwnAfterEachStoreOfAMove() {
    DmaPort port = stage().port();
    Rid rid = stage().engineRid();
    List<Rid> neighbours =
        stage().endpoints().stream()
            .filter(other -> !other.equals(rid) && other.id16() >>> 8 == rid.id16() >>> 8)
            .limit(1)
            .toList();
    if (!port.direct() || neighbours.isEmpty()) {
      return;
    }
    Reach reach = new Reach(port, stage().machine().memory());
    boolean more = true;
    for (int n = 1; more && n < MAX_STEPS; n++) {
      SteppedMachine machine = new SteppedMachine(stage().machine());
      try (SpiSession session = new SpiSession(stage(), machine)) {
        long hpa = session.memory(PAGE, PAGE);
        Domain home = session.domain("home");
        Domain other = session.domain("other");
        home.map(LARGE, hpa, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid, neighbours.get(0)), home);
        session.iommu().enable();
        String when = "after store " + n + " of the move of another function";
        machine.afterStore(
            n, () -> reach.reaches(neighbours.get(0), LARGE, hpa, Access.READ_WRITE, when));

        session.iommu().move(List.of(rid), other);

        more = machine.happened();
        reach.blocked(rid, LARGE, "moved", hpa);
        reach.reaches(neighbours.get(0), LARGE, hpa, Access.READ_WRITE, "in the end");
      }
    }
  }

  /** The unmap finds the domain without the device, or waits until it can flush for it. */
  @Test
  void i05_anUnmapWhileADeviceMovesInIsFlushedForItToo() throws Exception {
    DmaPort port = stage().port();
    if (!port.direct()) {
      return;
    }
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    boolean more = true;
    for (int n = 1; more && n < MAX_STEPS; n++) {
      SteppedMachine machine = new SteppedMachine(stage().machine());
      try (SpiSession session = new SpiSession(stage(), machine)) {
        long hpa = session.memory(PAGE, PAGE);
        Domain home = session.domain("home");
        Domain guest = session.domain("guest");
        guest.map(LARGE, hpa, PAGE, Access.READ_WRITE);
        guest.map(2 * LARGE, hpa, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), home);
        session.iommu().enable();
        Thread unmap = new Thread(() -> guest.unmap(LARGE, PAGE), "unmap");
        machine.beforeRegisterWrite(
            n,
            () -> {
              port.write(rid, LARGE);
              unmap.start();
              awaitEndOrPause(unmap);
            });

        session.iommu().move(List.of(rid), guest);

        more = machine.happened();
        if (more) {
          unmap.join(TimeUnit.SECONDS.toMillis(30));
          assertThat(unmap.isAlive()).as("the unmap still waits").isFalse();
          reach.blocked(rid, LARGE, "unmapped before register write " + n + " of the move", hpa);
        }
        reach.reaches(rid, 2 * LARGE, hpa, Access.READ_WRITE, "in the end");
      }
    }
  }

  private static void awaitEndOrPause(Thread thread) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
    Thread.State state = thread.getState();
    while ((state == Thread.State.NEW || state == Thread.State.RUNNABLE)
        && System.nanoTime() < end) {
      Thread.onSpinWait();
      state = thread.getState();
    }
  }

  /** A write that the units let through may still be on its way to memory. */
  @Test
  void i05_aDmaOnItsWayHasArrivedWhenUnmapReturns() throws Exception {
    DmaPort port = stage().port();
    if (!(stage().machine().machine() instanceof ModelMachine model)) {
      return;
    }
    Rid rid = stage().engineRid();
    PhysicalMemory memory = model.memory();
    try (SpiSession session = stage().session()) {
      long hpa = session.memory(PAGE, PAGE);
      Domain domain = session.domain("d");
      domain.map(LARGE, hpa, PAGE, Access.READ_WRITE);
      session.iommu().move(List.of(rid), domain);
      session.iommu().enable();
      Thread driver = Thread.currentThread();
      CountDownLatch under = new CountDownLatch(1);
      AtomicBoolean returned = new AtomicBoolean();
      DmaListener slow =
          access -> {
            if (access.write() && access.hpa() == hpa) {
              under.countDown();
              long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(10);
              // The driver waits for this DMA, or is through.
              while (!returned.get()
                  && driver.getState() != Thread.State.WAITING
                  && System.nanoTime() < end) {
                Thread.onSpinWait();
              }
            }
          };
      model.listen(slow);
      try {
        Thread device = new Thread(() -> port.write(rid, LARGE), "device");
        device.start();
        // Not a wait without end, which the listener would take for the driver's.
        assertThat(under.await(30, TimeUnit.SECONDS)).isTrue();
        domain.unmap(LARGE, PAGE);
        long word = memory.read64(hpa);
        returned.set(true);
        device.join(TimeUnit.SECONDS.toMillis(30));
        assertThat(memory.read64(hpa))
            .as("word that %s was writing through 0x%x when it was unmapped", rid, LARGE)
            .isEqualTo(word);
      } finally {
        model.unlisten(slow);
      }
    }
  }

  @Test
  void i09_hundredsOfRequesterIdsMoveInOneStep() {
    DmaPort port = stage().port();
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    try (SpiSession session = stage().session()) {
      Iommu iommu = session.iommu();
      List<Rid> all = new ArrayList<>(List.of(rid));
      IntStream.range(0x5000, 0x5000 + 600)
          .mapToObj(id -> Rid.of(rid.segment(), id))
          .filter(id -> iommu.unitOf(id).isPresent())
          .forEach(all::add);
      long hpa = session.memory(2 * PAGE, PAGE);
      Domain one = session.domain("one");
      Domain two = session.domain("two");
      one.map(0, hpa, PAGE, Access.READ_WRITE);
      two.map(0, hpa + PAGE, PAGE, Access.READ_WRITE);
      iommu.move(List.of(rid), one);
      iommu.enable();
      reach.reaches(rid, 0, hpa, Access.READ_WRITE, "alone");
      for (Domain domain : List.of(one, two, one)) {
        iommu.move(all, domain);
        assertThat(all).allSatisfy(id -> assertThat(iommu.domainOf(id)).hasValue(domain));
        reach.reaches(
            rid, 0, domain == one ? hpa : hpa + PAGE, Access.READ_WRITE, "in " + domain.name());
      }
    }
  }
}
