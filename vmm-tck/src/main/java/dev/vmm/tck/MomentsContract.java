package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.Rid;
import dev.vmm.tck.DmaPort.Outcome;
import dev.vmm.tck.DmaPort.Transfer;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

/**
 * What a device sees in the middle of a change. Each step is tried with caches that know nothing,
 * since those hide a moment's gap. Only with DMA at will: an engine's takes longer than the moment.
 */
abstract class MomentsContract extends ContractPart {
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x20_0000;
  private static final int MAX_STEPS = 4096;

  /** A change with something in its middle. */
  private interface Attempt {
    /** Makes the change; something happens at its n-th step, if it has so many. */
    void run(SteppedMachine machine, SpiSession session, int n) throws Exception;
  }

  private DmaPort directPort() {
    DmaPort port = stage().port();
    assumeTrue(port.direct(), "a DMA in the middle of a change must be made at once");
    return port;
  }

  /** Tries each step of a change, in a session of its own, until the change has no more. */
  private void atEachStep(Attempt attempt) throws Exception {
    for (int n = 1; n < MAX_STEPS; n++) {
      SteppedMachine machine = new SteppedMachine(stage().machine());
      try (SpiSession session = new SpiSession(stage(), machine)) {
        attempt.run(machine, session, n);
        if (!machine.happened()) {
          assertThat(n).as("steps of the change").isGreaterThan(1);
          return;
        }
      }
    }
    throw new AssertionError("the change has no end after " + MAX_STEPS + " steps");
  }

  /** Returns another function that a unit may keep in the same table. */
  private Rid neighbourOf(Rid rid) {
    List<Rid> neighbours =
        stage().endpoints().stream()
            .filter(other -> !other.equals(rid) && other.segment() == rid.segment())
            .filter(other -> other.bus() == rid.bus())
            .toList();
    assumeFalse(neighbours.isEmpty(), () -> rid + " is alone on its bus");
    return neighbours.get(0);
  }

  @Test
  void i15_whatStaysMappedIsReachedAfterEachStoreOfASplit() throws Exception {
    Reach reach = new Reach(directPort(), stage().machine().memory());
    Rid rid = stage().engineRid();
    atEachStep(
        (machine, session, n) -> {
          long hpa = session.memory(LARGE, LARGE);
          Domain domain = session.domain("d");
          domain.map(LARGE, hpa, LARGE, Access.READ_WRITE);
          session.iommu().move(List.of(rid), domain);
          session.iommu().enable();
          String when = "after store " + n + " of the unmap of another page";
          long stays = LARGE + 7 * PAGE;
          machine.afterStore(
              n, () -> reach.reaches(rid, stays, hpa + 7 * PAGE, Access.READ_WRITE, when));

          domain.unmap(LARGE + 100 * PAGE, PAGE);

          reach.blocked(rid, LARGE + 100 * PAGE, "unmapped", hpa + 100 * PAGE);
          reach.reaches(rid, stays, hpa + 7 * PAGE, Access.READ_WRITE, "in the end");
        });
  }

  @Test
  void i02_aNeighbourReachesItsOwnAfterEachStoreOfAMove() throws Exception {
    Reach reach = new Reach(directPort(), stage().machine().memory());
    Rid rid = stage().engineRid();
    Rid neighbour = neighbourOf(rid);
    atEachStep(
        (machine, session, n) -> {
          long hpa = session.memory(PAGE, PAGE);
          Domain home = session.domain("home");
          Domain other = session.domain("other");
          home.map(LARGE, hpa, PAGE, Access.READ_WRITE);
          session.iommu().move(List.of(rid, neighbour), home);
          session.iommu().enable();
          String when = "after store " + n + " of the move of another function";
          machine.afterStore(
              n, () -> reach.reaches(neighbour, LARGE, hpa, Access.READ_WRITE, when));

          session.iommu().move(List.of(rid), other);

          reach.blocked(rid, LARGE, "moved", hpa);
          reach.reaches(neighbour, LARGE, hpa, Access.READ_WRITE, "in the end");
        });
  }

  /**
   * An entry may be of several words: what a unit reads of it between their stores leads to the old
   * domain, the new one, or nowhere, and what it keeps of that misleads nobody.
   */
  @Test
  void i02_aFunctionReachesItsOldDomainItsNewOneOrNothingAfterEachStoreOfItsMove()
      throws Exception {
    DmaPort port = directPort();
    PhysicalMemory memory = stage().machine().memory();
    Reach reach = new Reach(port, memory);
    Rid rid = stage().engineRid();
    Rid neighbour = neighbourOf(rid);
    atEachStep(
        (machine, session, n) -> {
          long hpa = session.memory(3 * PAGE, PAGE);
          Domain from = session.domain("from");
          Domain to = session.domain("to");
          from.map(LARGE, hpa, PAGE, Access.READ_WRITE);
          to.map(LARGE, hpa + PAGE, PAGE, Access.READ_WRITE);
          memory.write64(hpa, 0x01d0_0000);
          memory.write64(hpa + PAGE, 0x0e30_0000);
          session.iommu().move(List.of(rid, neighbour), from);
          session.iommu().enable();
          String when = "after store " + n + " of the move of " + rid;
          machine.afterStore(
              n,
              () -> {
                Transfer got = port.read(rid, LARGE);
                if (got.outcome() != Outcome.BLOCKED) {
                  assertThat(got.word()).as(when).isIn(0x01d0_0000L, 0x0e30_0000L);
                }
                reach.blocked(rid, hpa + 2 * PAGE, when + ", untranslated", hpa + 2 * PAGE);
              });

          session.iommu().move(List.of(rid), to);

          reach.reaches(rid, LARGE, hpa + PAGE, Access.READ_WRITE, "moved; " + when);
          reach.reaches(neighbour, LARGE, hpa, Access.READ_WRITE, "beside; " + when);
          if (!machine.happened()) {
            machine.afterStore(1, () -> {}); // which has not happened either
            return;
          }

          // What a unit found on the way of one is nothing to the next one that goes that way.
          Domain third = session.domain("third");
          machine.afterStore(
              n,
              () -> {
                Transfer got = port.read(neighbour, LARGE);
                if (got.outcome() != Outcome.BLOCKED) {
                  assertThat(got.word()).as("then " + when).isEqualTo(memory.read64(hpa));
                }
              });
          session.iommu().move(List.of(neighbour), third);
          machine.happened(); // or not, if that move has fewer steps
          reach.blocked(neighbour, LARGE, "moved after it; " + when, hpa, hpa + PAGE);
        });
  }

  /** A map of several tables may show some before there is no page for the next. */
  @Test
  void i05_whatAUnitFoundOfAMapThatFailsIsForgottenBeforeItsTablesAreFreed() {
    DmaPort port = directPort();
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    long[] iovas = {LARGE, 2 * LARGE, 3 * LARGE};
    boolean refused = true;
    for (int n = 1; refused; n++) {
      assertThat(n).as("pages that a map of three tables takes").isLessThan(16);
      SteppedMachine machine = new SteppedMachine(stage().machine());
      try (SpiSession session = new SpiSession(stage(), machine)) {
        // Not aligned for a superpage, so that there is a table for each.
        long hpa = session.memory(4 * LARGE, LARGE) + PAGE;
        Domain domain = session.domain("d");
        domain.map(0, hpa, PAGE, Access.READ_WRITE);
        session.iommu().move(List.of(rid), domain);
        session.iommu().enable();
        machine.afterEachStore(() -> Arrays.stream(iovas).forEach(iova -> port.read(rid, iova)));
        machine.failAllocation(n);

        refused = isRefused(domain, LARGE, hpa, 3 * LARGE);

        machine.failAllocation(0);
        machine.happened(); // or not, if the very first page was refused
        for (long iova : iovas) {
          if (refused) {
            reach.blocked(rid, iova, "a map without its page " + n, hpa + iova - LARGE);
          } else {
            reach.reaches(rid, iova, hpa + iova - LARGE, Access.READ_WRITE, "mapped");
          }
        }
        reach.reaches(rid, 0, hpa, Access.READ_WRITE, "beside, without page " + n);
      }
    }
  }

  private static boolean isRefused(Domain domain, long iova, long hpa, long lengthBytes) {
    try {
      domain.map(iova, hpa, lengthBytes, Access.READ_WRITE);
      return false;
    } catch (VmmException e) {
      assertThat(e.errno()).as("%s", e.getMessage()).isEqualTo(Errno.ENOMEM);
      return true;
    }
  }

  /** The unmap finds the domain without the device, or waits until it can flush for it. */
  @Test
  void i05_anUnmapWhileADeviceMovesInIsFlushedForItToo() throws Exception {
    DmaPort port = directPort();
    Reach reach = new Reach(port, stage().machine().memory());
    Rid rid = stage().engineRid();
    atEachStep(
        (machine, session, n) -> {
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

          if (unmap.getState() != Thread.State.NEW) {
            unmap.join(TimeUnit.SECONDS.toMillis(30));
            assertThat(unmap.isAlive()).as("the unmap still waits").isFalse();
            reach.blocked(rid, LARGE, "unmapped before register write " + n + " of the move", hpa);
          }
          reach.reaches(rid, 2 * LARGE, hpa, Access.READ_WRITE, "in the end");
        });
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
    DmaPort port = directPort();
    assumeTrue(
        stage().machine().machine() instanceof ModelMachine, "a DMA must be held on its way");
    ModelMachine model = (ModelMachine) stage().machine().machine();
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
}
