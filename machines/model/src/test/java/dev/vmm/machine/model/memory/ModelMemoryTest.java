package dev.vmm.machine.model.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.inject.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelMemoryTest {
  private static final AddressRange RAM = new AddressRange(0, 64 << 20);
  private static final AddressRange FREE = new AddressRange(16 << 20, 48 << 20);

  private final Injector injector = new Injector();
  private final ModelMemory memory = memory(Visibility.COHERENT);

  private ModelMemory memory(Visibility visibility) {
    return new ModelMemory(List.of(RAM), List.of(FREE), visibility, injector);
  }

  @Test
  void aTebibyteThatEndsAtTheLastAddressCostsWhatIsUsed() {
    long top = (1L << 52) - (1L << 40);
    ModelMemory huge =
        new ModelMemory(
            List.of(RAM, new AddressRange(top, 1L << 40)),
            List.of(new AddressRange(top, 1L << 40)),
            Visibility.COHERENT,
            injector);
    long whole = huge.allocate(1L << 40, 1L << 40);
    assertThat(whole).isEqualTo(top);
    huge.write64((1L << 52) - 8, 0x1122334455667788L);
    assertThat(huge.read64((1L << 52) - 8)).isEqualTo(0x1122334455667788L);
    assertThat(huge.read64((1L << 52) - 16)).isZero();
    huge.free(whole, 1L << 40);
    assertThat(huge.read64((1L << 52) - 8)).isEqualTo(ModelMemory.POISON);
    assertThat(huge.allocatedBytes()).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 4, 8})
  void everyWidthIsLittleEndianAndTouchesNothingElse(int width) {
    for (int at = 0; at < 16; at += width) {
      memory.fill64(0x1000, 2, -1, 0);
      memory.write(0x1000 + at, width, 0x0807060504030201L);
      byte[] bytes = new byte[16];
      memory.readBytes(0x1000, bytes, 0, 16);
      for (int i = 0; i < 16; i++) {
        boolean inside = i >= at && i < at + width;
        assertThat(bytes[i]).isEqualTo(inside ? (byte) (i - at + 1) : (byte) -1);
      }
      long expected = 0x0807060504030201L & (width == 8 ? -1 : (1L << (width * 8)) - 1);
      assertThat(memory.read(0x1000 + at, width)).isEqualTo(expected);
    }
  }

  @Test
  void bytesCrossWordsAndPages() {
    Random random = new Random(1);
    byte[] mirror = new byte[3 * 4096];
    for (int i = 0; i < 500; i++) {
      byte[] some = new byte[random.nextInt(5000)];
      random.nextBytes(some);
      int at = random.nextInt(mirror.length - some.length);
      if (random.nextBoolean()) {
        memory.writeBytes(0x1000 + at, some, 0, some.length);
      } else {
        memory.deviceWrite(0x1000 + at, some, 0, some.length);
      }
      System.arraycopy(some, 0, mirror, at, some.length);
    }
    byte[] read = new byte[mirror.length];
    memory.readBytes(0x1000, read, 0, read.length);
    assertThat(read).isEqualTo(mirror);
    memory.deviceRead(0x1000, read, 0, read.length);
    assertThat(read).isEqualTo(mirror);
  }

  @Test
  void accessOutsideRamOrOffItsMultipleIsEinvalWithTheAddress() {
    assertThatThrownBy(() -> memory.read64(RAM.end()))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL))
        .hasMessageContaining("0x4000000");
    assertThatThrownBy(() -> memory.write64(4, 0)).isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> memory.writeBytes(RAM.end() - 4, new byte[8], 0, 8))
        .isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> memory.fill64(RAM.end() - 8, 2, 0, 0))
        .isInstanceOf(VmmException.class);
    assertThat(memory.read64(RAM.end() - 8)).isZero();
  }

  @Test
  void wordsAreReadAcrossPagesAndPagesThatNobodyStoredTo() {
    memory.fill64(0x2ff0, 4, 7, 1);
    long[] words = new long[1026];
    List<String> loads = new ArrayList<>();
    Runnable load = () -> loads.add("load");
    memory.watchLoads(0x2ff8, load);

    memory.read64(0x2fe8, words, 1025);

    memory.unwatchLoads(0x2ff8, load);
    assertThat(words).startsWith(0, 7, 8, 9, 10, 0).endsWith(0, 0);
    assertThat(loads).hasSize(1);
    assertThatThrownBy(() -> memory.read64(RAM.end() - 8, words, 2))
        .isInstanceOf(VmmException.class);
    assertThatThrownBy(() -> memory.read64(0x1004, words, 1)).isInstanceOf(VmmException.class);
  }

  @Test
  void freedMemoryIsScribbledOverAndAllocatedMemoryIsZero() {
    long page = memory.allocatePage();
    memory.write64(page, 5);
    memory.free(page, 4096);
    assertThat(memory.read64(page)).isEqualTo(ModelMemory.POISON);
    assertThat(memory.allocatePage()).isEqualTo(page);
    assertThat(memory.read64(page)).isZero();
    assertThatThrownBy(() -> memory.free(page + 4096, 4096)).isInstanceOf(VmmException.class);
  }

  @Test
  void aUnitThatDoesNotSnoopSeesStoresOnceTheirLineIsFlushed() {
    ModelMemory lazy = memory(Visibility.NON_COHERENT);
    lazy.write64(0x1000, 1);
    lazy.write64(0x1040, 2);
    assertThat(lazy.unitRead64(0x1000)).isZero();
    assertThat(lazy.read64(0x1000)).isEqualTo(1);
    assertThat(lazy.deviceRead64(0x1000)).isEqualTo(1);
    lazy.flushCache(0x1000, 1);
    assertThat(lazy.unitRead64(0x1000)).isEqualTo(1);
    assertThat(lazy.unitRead64(0x1040)).isZero();
    lazy.flushCache(0x103f, 2);
    assertThat(lazy.unitRead64(0x1040)).isEqualTo(2);
    lazy.deviceWrite(0x1004, 4, 7);
    assertThat(lazy.unitRead64(0x1000)).isEqualTo(7L << 32 | 1);
  }

  @Test
  void aUnitThatDoesNotSnoopSeesWhatAPageHeldBeforeItWasAllocated() {
    ModelMemory lazy = memory(Visibility.NON_COHERENT);
    long page = lazy.allocatePage();
    lazy.write64(page, 5);
    lazy.free(page, 4096);
    assertThat(lazy.allocatePage()).isEqualTo(page);
    assertThat(lazy.read64(page)).isZero();
    assertThat(lazy.unitRead64(page)).isEqualTo(ModelMemory.POISON);
    lazy.flushCache(page, 4096);
    assertThat(lazy.unitRead64(page)).isZero();
  }

  @Test
  void aUnitThatDoesNotSnoopSeesRubbishInAPageThatIsNewUntilItsLinesAreFlushed() {
    ModelMemory lazy = memory(Visibility.NON_COHERENT);
    long page = lazy.allocatePage();
    assertThat(lazy.read64(page)).isZero();
    assertThat(lazy.unitRead64(page)).isEqualTo(ModelMemory.POISON);
    assertThat(lazy.isStale(page)).isTrue();
    lazy.flushCache(page + 64, 64);
    assertThat(lazy.isStale(page + 56)).isTrue();
    assertThat(lazy.isStale(page + 64)).isFalse();
    assertThat(lazy.unitRead64(page + 64)).isZero();
    assertThat(lazy.isStale(page + 128)).isTrue();
    lazy.write64(page + 64, 1);
    assertThat(lazy.isStale(page + 64)).isFalse();
    lazy.free(page, 4096);
    assertThat(lazy.isStale(page)).isFalse();
    long large = lazy.allocate(1 << 20, 4096);
    assertThat(lazy.isStale(large + 4096 * 8)).as("memory stays sparse").isFalse();
    for (boolean buffered : new boolean[] {false, true}) {
      ModelMemory snooped = memory(new Visibility(true, buffered));
      assertThat(snooped.isStale(snooped.allocatePage())).isFalse();
    }
  }

  @Test
  void theWriteBufferHoldsStoresBackUntilItIsDrained() {
    ModelMemory snooped = memory(new Visibility(true, true));
    snooped.write64(0x1000, 1);
    assertThat(snooped.unitRead64(0x1000)).isZero();
    snooped.drainWriteBuffer();
    assertThat(snooped.unitRead64(0x1000)).isEqualTo(1);

    ModelMemory neither = memory(new Visibility(false, true));
    neither.write64(0x1000, 1);
    neither.drainWriteBuffer();
    assertThat(neither.unitRead64(0x1000)).isZero();
    neither.flushCache(0x1000, 8);
    assertThat(neither.unitRead64(0x1000)).isZero();
    neither.drainWriteBuffer();
    assertThat(neither.unitRead64(0x1000)).isEqualTo(1);
  }

  @Test
  void watchersHearEveryStoreOfTheProcessorAndNoneOfADevice() {
    List<String> heard = new ArrayList<>();
    StoreWatcher watcher =
        (hpa, before, after, width) ->
            heard.add(String.format("%x %x->%x %d", hpa, before, after, width));
    memory.watchStores(0x1000, watcher);
    memory.watchStores(0x1000, watcher);
    memory.write64(0x1008, 1);
    memory.writeRelease64(0x1008, 2);
    memory.compareAndSet64(0x1008, 2, 3);
    memory.compareAndSet64(0x1008, 2, 9);
    memory.write(0x1009, 1, 1);
    memory.fill64(0xff8, 2, 5, 1);
    memory.writeBytes(0x1010, new byte[] {1}, 0, 1);
    memory.deviceWrite(0x1018, 8, 1);
    memory.write64(0x2000, 1);
    memory.unwatchStores(0x1000, watcher);
    memory.write64(0x1008, 1);
    assertThat(heard)
        .containsExactly(
            "1008 0->1 8",
            "1008 1->2 8",
            "1008 2->3 8",
            "1008 3->103 1",
            "1000 0->6 8",
            "1010 0->1 0");
  }

  @Test
  void aWatchedLoadRunsItsActionFirst() {
    Runnable arrive = () -> memory.deviceWrite(0x1000, 4, 1);
    memory.watchLoads(0x1000, arrive);
    assertThat(memory.read64(0x1008)).isZero();
    assertThat(memory.deviceRead64(0x1000)).isZero();
    assertThat(memory.readAcquire64(0x1000)).isEqualTo(1);
    memory.unwatchLoads(0x1000, arrive);
    memory.write64(0x1000, 0);
    assertThat(memory.read(0x1000, 4)).isZero();
  }

  @Test
  void freeListenersHearOfARunBeforeItIsGone() {
    List<AddressRange> heard = new ArrayList<>();
    memory.onFree(
        run -> {
          assertThat(memory.read64(run.start())).isEqualTo(5);
          heard.add(run);
        });
    long run = memory.allocate(0x2000, 0x1000);
    memory.write64(run, 5);
    memory.free(run, 0x2000);
    assertThat(heard).containsExactly(new AddressRange(run, 0x2000));
  }

  @Test
  void anAllocationIsMadeToFailOnce() {
    injector.nth(Operation.ALLOCATE, Effect.FAIL, 2);
    memory.allocatePage();
    assertThatThrownBy(memory::allocatePage)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENOMEM));
    assertThat(injector.fired()).isTrue();
    memory.allocatePage();
    assertThat(memory.allocatedBytes()).isEqualTo(0x2000);
  }
}
