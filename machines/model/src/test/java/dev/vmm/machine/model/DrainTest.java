package dev.vmm.machine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.pci.Rid;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** DMAs that are in flight while an invalidation completes. */
@Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class DrainTest {
  private static final Rid EDU = Rid.parse("00:02.0");
  private static final long IOVA = 0x7000;
  private static final byte[] BYTES = {1, 2, 3, 4, 5, 6, 7, 8};
  private static final long WORD = 0x0807060504030201L;

  private final ExecutorService threads = Executors.newFixedThreadPool(2);
  private final CountDownLatch inFlight = new CountDownLatch(1);
  private final CountDownLatch landing = new CountDownLatch(1);
  private ModelMachine machine = ModelMachineBuilder.none().build();
  private RemappingUnit unit;
  private long target;
  private long queue;
  private long status;

  @AfterEach
  void close() {
    landing.countDown();
    threads.shutdownNow();
    assertThat(machine.violations().all()).isEmpty();
    machine.close();
  }

  private void store(long hpa, long word) {
    machine.memory().write64(hpa, word);
  }

  private void awaitRegister(long offset, int width, long mask, long wanted) {
    for (int i = 0; i < 100; i++) {
      if ((unit.read(offset, width) & mask) == wanted) {
        return;
      }
    }
    throw new AssertionError("register 0x" + Long.toHexString(offset));
  }

  private void intel(boolean drains) {
    machine.close();
    machine = ModelMachineBuilder.intel().vtd(vtd -> vtd.drd(drains).dwd(drains)).build();
    unit = machine.units().get(0);
    target = machine.memory().allocatePage();
    long root = machine.memory().allocatePage();
    long contexts = machine.memory().allocatePage();
    long table = 0;
    for (int level = 0; level < 4; level++) {
      long page = machine.memory().allocatePage();
      store(page + (level == 0 ? IOVA >>> 9 : 0), (level == 0 ? target : table) | 3);
      table = page;
    }
    store(root, contexts | 1);
    store(contexts + 0x108, 0x702);
    store(contexts + 0x100, table | 1);
    unit.write(0x20, 8, root);
    unit.write(0x18, 4, 0x40000000L);
    awaitRegister(0x1c, 4, 0x40000000L, 0x40000000L);
    unit.write(0x28, 8, 0xa000000000000000L);
    awaitRegister(0x28, 8, 1L << 63, 0);
    unit.write(0x508, 8, 0x9000000000000000L);
    awaitRegister(0x508, 8, 1L << 63, 0);
    unit.write(0x18, 4, 0x80000000L);
    awaitRegister(0x1c, 4, 0x80000000L, 0x80000000L);
  }

  private void queueOn() {
    queue = machine.memory().allocatePage();
    status = machine.memory().allocatePage();
    unit.write(0x90, 8, queue);
    unit.write(0x18, 4, 0x84000000L);
    awaitRegister(0x1c, 4, 0x04000000L, 0x04000000L);
  }

  private long byRegister(long drains) {
    unit.write(0x508, 8, 0xa000000700000000L | drains);
    awaitRegister(0x508, 8, 1L << 63, 0);
    return machine.memory().read64(target);
  }

  private long byQueue(long low) {
    store(queue, 0x70000L | low);
    store(queue + 8, 0x7000);
    store(queue + 16, 0x5500000025L);
    store(queue + 24, status);
    unit.write(0x88, 8, 0x20);
    for (int i = 0; i < 100; i++) {
      if (machine.memory().read64(status) == 0x55) {
        return machine.memory().read64(target);
      }
    }
    throw new AssertionError("the queue does not move");
  }

  /** Starts a DMA that is between translation and memory until {@link #landing}. */
  private Future<Boolean> dma(boolean write) throws Exception {
    DmaListener hold =
        access -> {
          inFlight.countDown();
          try {
            landing.await();
          } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
          }
        };
    machine.listen(hold);
    Future<Boolean> dma =
        threads.submit(
            () ->
                write
                    ? machine.dmaWrite(EDU, IOVA, BYTES)
                    : machine.dmaRead(EDU, IOVA, new byte[8]));
    inFlight.await();
    return dma;
  }

  /** Asserts that software waits for the DMA, and finds what it wrote as soon as it is told. */
  private void waits(boolean write, Callable<Long> completion) throws Exception {
    Future<Boolean> dma = dma(write);
    Thread[] software = new Thread[1];
    CountDownLatch started = new CountDownLatch(1);
    Future<Long> seen =
        threads.submit(
            () -> {
              software[0] = Thread.currentThread();
              started.countDown();
              return completion.call();
            });
    started.await();
    while (software[0].getState() != Thread.State.WAITING && !seen.isDone()) {
      Thread.onSpinWait();
    }
    assertThat(seen.isDone()).as("complete while a DMA is in flight").isFalse();
    assertThat(machine.memory().deviceRead64(target)).isZero();
    landing.countDown();
    assertThat(seen.get(30, TimeUnit.SECONDS)).isEqualTo(write ? WORD : 0);
    assertThat(dma.get(30, TimeUnit.SECONDS)).isTrue();
  }

  private void doesNotWait(boolean write, Callable<Long> completion) throws Exception {
    Future<Boolean> dma = dma(write);
    assertThat(completion.call()).isZero();
    assertThat(dma.isDone()).isFalse();
    landing.countDown();
    assertThat(dma.get(30, TimeUnit.SECONDS)).isTrue();
  }

  /** DW is bit 48 of IOTLB, DR bit 49. */
  @ParameterizedTest
  @CsvSource({"true, 0x1000000000000", "false, 0x2000000000000", "true, 0x3000000000000"})
  void aRegisterInvalidationThatDrainsWaitsForTheDmas(boolean write, String bits) throws Exception {
    intel(true);
    waits(write, () -> byRegister(Long.decode(bits)));
  }

  @ParameterizedTest
  @CsvSource({"true, 0x2000000000000", "false, 0x1000000000000", "true, 0", "false, 0"})
  void aRegisterInvalidationThatDoesNotAskForItDoesNot(boolean write, String bits)
      throws Exception {
    intel(true);
    doesNotWait(write, () -> byRegister(Long.decode(bits)));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aUnitThatCannotBeAskedAlwaysDrains(boolean write) throws Exception {
    intel(false);
    waits(write, () -> byRegister(0));
  }

  /** Global, domain and page descriptors; DW is bit 6, DR bit 7. */
  @ParameterizedTest
  @CsvSource({"true, 0x52", "true, 0x62", "true, 0x72", "false, 0x92", "false, 0xa2", "false,0xb2"})
  void aDescriptorThatDrainsWaitsForTheDmas(boolean write, String bits) throws Exception {
    intel(true);
    queueOn();
    waits(write, () -> byQueue(Long.decode(bits)));
  }

  @ParameterizedTest
  @CsvSource({"true, 0xa2", "true, 0xb2", "false, 0x62", "false, 0x72", "true, 0x12"})
  void aDescriptorThatDoesNotAskForItDoesNot(boolean write, String bits) throws Exception {
    intel(true);
    queueOn();
    doesNotWait(write, () -> byQueue(Long.decode(bits)));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void turningTranslationOffWaitsForTheDmas(boolean write) throws Exception {
    intel(true);
    waits(
        write,
        () -> {
          unit.write(0x18, 4, 0);
          awaitRegister(0x1c, 4, 0x80000000L, 0);
          return machine.memory().read64(target);
        });
  }

  private void amd() {
    machine.close();
    machine = ModelMachineBuilder.amd().build();
    unit = machine.units().get(0);
    target = machine.memory().allocatePage();
    queue = machine.memory().allocatePage();
    status = machine.memory().allocatePage();
    long devices = machine.memory().allocatePage();
    long table = machine.memory().allocatePage();
    store(table + (IOVA >>> 9), 3L << 61 | target | 1);
    store(devices + 0x200 + 8, 7);
    store(devices + 0x200, 3L << 61 | table | 1 << 9 | 3);
    unit.write(0x00, 8, devices);
    unit.write(0x08, 8, queue | 8L << 56);
    unit.write(0x18, 8, 0x1001);
    awaitRegister(0x2020, 8, 0x10, 0x10);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aCompletionWaitWaitsForTheDmas(boolean write) throws Exception {
    amd();
    waits(
        write,
        () -> {
          store(queue, 0x3000_0007_0000_0000L);
          store(queue + 8, 0x7fff_ffff_ffff_f003L);
          store(queue + 16, 0x1000_0000_0000_0001L | status);
          store(queue + 24, 0x55);
          unit.write(0x2008, 8, 0x20);
          for (int i = 0; i < 100; i++) {
            if (machine.memory().read64(status) == 0x55) {
              return machine.memory().read64(target);
            }
          }
          throw new AssertionError("the commands are not done");
        });
  }

  @Test
  void turningAnAmdUnitOffWaitsForTheDmas() throws Exception {
    amd();
    waits(
        true,
        () -> {
          unit.write(0x18, 8, 0);
          return machine.memory().read64(target);
        });
  }

  @Test
  void aListenerThatWouldWaitForItselfIsToldSo() {
    intel(true);
    machine.listen(access -> byRegister(0x3000000000000L));
    assertThatThrownBy(() -> machine.dmaWrite(EDU, IOVA, BYTES))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("DmaListener");
  }
}
