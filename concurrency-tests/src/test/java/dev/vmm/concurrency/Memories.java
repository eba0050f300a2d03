package dev.vmm.concurrency;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.testing.ArrayMemory;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The memories under test, an array of words and the embedded machine's, each for every other state
 * of a run: each state gives its pages back, so that the next finds tables' pages that were in use
 * before.
 */
final class Memories {
  private static final long BYTES = 256L << 20;

  private static final PhysicalMemory ARRAY = new ArrayMemory(BYTES);
  private static final PhysicalMemory MODEL =
      new ModelMemory(
          List.of(new AddressRange(0, BYTES)),
          List.of(new AddressRange(1L << 20, BYTES - (1L << 20))),
          Visibility.COHERENT,
          new Injector());

  private static final AtomicInteger STATES = new AtomicInteger();

  private Memories() {}

  /** Returns the memory of the next state. */
  static PhysicalMemory next() {
    return STATES.getAndIncrement() % 2 == 0 ? ARRAY : MODEL;
  }
}
