package dev.vmm.machine.model.inject;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides which operations of the hardware fail. Counts each kind of operation from 1, and from 1
 * again when {@link #clear} is called.
 *
 * <p>Thread-safe; with one thread at work the n-th operation is the same each time.
 */
public final class Injector {
  private record Plan(Set<Operation> operations, Effect effect, long first, long last) {}

  private final Map<Operation, Long> counts = new EnumMap<>(Operation.class);
  private final List<Plan> plans = new ArrayList<>();
  private final long[] planCounts = new long[64];
  private boolean fired;

  /** Starts with nothing to fail. */
  public Injector() {}

  /** Has the n-th operation of this kind from now on, counted from 1, fail in this way. */
  public void nth(Operation operation, Effect effect, long n) {
    plan(EnumSet.of(operation), effect, n, n);
  }

  /** Has the n-th and every later operation of this kind fail in this way. */
  public void from(Operation operation, Effect effect, long n) {
    plan(EnumSet.of(operation), effect, n, Long.MAX_VALUE);
  }

  /** Has the n-th operation of any of these kinds, counted together, fail in this way. */
  public void nthOf(Set<Operation> operations, Effect effect, long n) {
    plan(EnumSet.copyOf(operations), effect, n, n);
  }

  /** Has the n-th operation of any of these kinds and every later one fail in this way. */
  public void fromNthOf(Set<Operation> operations, Effect effect, long n) {
    plan(EnumSet.copyOf(operations), effect, n, Long.MAX_VALUE);
  }

  private synchronized void plan(Set<Operation> operations, Effect effect, long first, long last) {
    if (first < 1) {
      throw new IllegalArgumentException("operations are counted from 1, not " + first);
    }
    if (plans.size() == planCounts.length) {
      throw new IllegalStateException("no more than " + planCounts.length + " plans at a time");
    }
    planCounts[plans.size()] = 0;
    plans.add(new Plan(operations, effect, first, last));
  }

  /** Forgets all plans and counts. */
  public synchronized void clear() {
    plans.clear();
    counts.clear();
    fired = false;
  }

  /** Says whether any operation was made to fail since {@link #clear}. */
  public synchronized boolean fired() {
    return fired;
  }

  /** Returns how many operations of this kind there were since {@link #clear}. */
  public synchronized long count(Operation operation) {
    return counts.getOrDefault(operation, 0L);
  }

  /** Counts an operation and says what becomes of it. The hardware calls this. */
  public synchronized Effect on(Operation operation) {
    counts.merge(operation, 1L, Long::sum);
    Effect effect = Effect.NONE;
    for (int i = 0; i < plans.size(); i++) {
      Plan plan = plans.get(i);
      if (plan.operations.contains(operation)) {
        long n = ++planCounts[i];
        if (n >= plan.first && n <= plan.last) {
          effect = plan.effect;
          fired = true;
        }
      }
    }
    return effect;
  }
}
