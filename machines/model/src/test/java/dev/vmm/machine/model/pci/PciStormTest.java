package dev.vmm.machine.model.pci;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Eight threads on one machine: DMA against everything that ends it. */
class PciStormTest {
  private static final int ROUNDS = 2000;
  private static final FunctionSpec SPEC =
      FunctionSpec.of(1, 2, 0).memory32(0, 0x1000).flr().msix(2, 0, 0, 0x800);

  private final TestRig rig =
      new TestRig(
          r ->
              bus ->
                  bus.add(1, SPEC)
                      .add(2, SPEC)
                      .add(3, FunctionSpec.of(1, 3, 0).flr().sriov(2, SPEC))
                      .bridge(4, BridgeSpec.rootPort(), behind -> behind.add(0, SPEC)));

  /** Whether each function may reach memory, by its device or, for the VF, bus number. */
  private final AtomicIntegerArray allowed = new AtomicIntegerArray(8);

  private final AtomicLong wrong = new AtomicLong();
  private final AtomicLong reached = new AtomicLong();

  private static int index(Rid rid) {
    return rid.bus() == 0 ? rid.device() * 2 % 8 + (rid.function() == 0 ? 0 : 1) : 0;
  }

  @Test
  @Timeout(value = 120, unit = TimeUnit.SECONDS)
  void nothingIsReachedOnceTheRegisterThatEndsItWasWritten() throws Exception {
    DmaListener judge =
        access -> {
          reached.incrementAndGet();
          if (allowed.get(index(access.function())) == 0) {
            wrong.incrementAndGet();
          }
        };
    rig.root.listen(judge);
    List<Callable<Void>> tasks = new ArrayList<>();
    tasks.add(dma(() -> rig.pci.at(new Rid(0, 0, 1, 0)).orElse(null)));
    tasks.add(dma(() -> rig.pci.at(new Rid(0, 0, 2, 0)).orElse(null)));
    tasks.add(dma(() -> rig.pci.at(new Rid(0, 0, 3, 1)).orElse(null)));
    tasks.add(dma(() -> rig.pci.at(new Rid(0, 1, 0, 0)).orElse(null)));
    tasks.add(rounds(this::masterOnAndReset));
    tasks.add(rounds(this::plugAndPull));
    tasks.add(rounds(this::virtualOnAndOff));
    tasks.add(rounds(this::busReset));
    ExecutorService threads = Executors.newFixedThreadPool(tasks.size());
    try {
      for (Future<Void> future : threads.invokeAll(tasks)) {
        future.get();
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(wrong).hasValue(0);
    assertThat(reached.get()).isPositive();
  }

  private interface Sender {
    @org.jspecify.annotations.Nullable
    ModelFunction now();
  }

  private static Callable<Void> rounds(Runnable round) {
    return () -> {
      for (int i = 0; i < ROUNDS; i++) {
        round.run();
      }
      return null;
    };
  }

  private Callable<Void> dma(Sender sender) {
    byte[] data = new byte[16];
    return rounds(
        () -> {
          ModelFunction function = sender.now();
          if (function != null) {
            function.dma(function.generation(), 0x1ff8, data, 0, data.length, true);
            function.interrupt(1);
          }
        });
  }

  private void masterOnAndReset() {
    int index = index(new Rid(0, 0, 1, 0));
    ConfigSpace config = rig.config("00:01.0");
    allowed.set(index, 1);
    config.write16(4, 4);
    config.write16(4, 0);
    allowed.set(index, 0);
    allowed.set(index, 1);
    config.write16(4, 4);
    config.write16(0x48, 0x8000);
    allowed.set(index, 0);
  }

  private void plugAndPull() {
    Rid rid = new Rid(0, 0, 2, 0);
    int index = index(rid);
    rig.pci.hotRemove(rid);
    allowed.set(index, 0);
    rig.pci.hotAdd(rid, SPEC);
    allowed.set(index, 1);
    rig.config("00:02.0").write16(4, 4);
  }

  private void virtualOnAndOff() {
    int index = index(new Rid(0, 0, 3, 1));
    ConfigSpace pf = rig.config("00:03.0");
    pf.write16(0x130, 2);
    pf.write16(0x128, 1);
    allowed.set(index, 1);
    rig.config("00:03.1").write16(4, 4);
    assertThat(rig.config("00:03.1").read16(4)).isEqualTo(4);
    pf.write16(0x128, 0);
    allowed.set(index, 0);
  }

  private void busReset() {
    int index = index(new Rid(0, 1, 0, 0));
    allowed.set(index, 1);
    rig.config("01:00.0").write16(4, 4);
    rig.config("00:04.0").write16(0x3e, 0x40);
    allowed.set(index, 0);
    rig.config("00:04.0").write16(0x3e, 0);
  }
}
