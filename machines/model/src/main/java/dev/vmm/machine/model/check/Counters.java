package dev.vmm.machine.model.check;

import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.LongAdder;

/** How often the machine's hardware did what. Thread-safe. */
public final class Counters {
  private final Map<Count, LongAdder> adders = new EnumMap<>(Count.class);

  /** Starts at zero. */
  public Counters() {
    for (Count count : Count.values()) {
      adders.put(count, new LongAdder());
    }
  }

  /** Counts one. */
  public void add(Count count) {
    adder(count).increment();
  }

  /** Returns one count. */
  public long get(Count count) {
    return adder(count).sum();
  }

  /** Returns all counts that are not zero. */
  public Map<Count, Long> snapshot() {
    Map<Count, Long> snapshot = new EnumMap<>(Count.class);
    for (Count count : Count.values()) {
      long value = get(count);
      if (value != 0) {
        snapshot.put(count, value);
      }
    }
    return snapshot;
  }

  /** Sets all counts to zero. */
  public void reset() {
    adders.values().forEach(LongAdder::reset);
  }

  private LongAdder adder(Count count) {
    return Objects.requireNonNull(adders.get(count));
  }
}
