package dev.vmm.core;

import dev.vmm.VmmException;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The states of the I/O MMU and the ways between them, all in this place.
 *
 * <p>Changed under the I/O MMU's lock; read from any thread.
 */
final class IommuLifecycle {
  private static final Map<IommuState, Set<IommuState>> WAYS = new EnumMap<>(IommuState.class);

  static {
    WAYS.put(IommuState.OFF, EnumSet.of(IommuState.STARTING));
    WAYS.put(IommuState.STARTING, EnumSet.of(IommuState.ON, IommuState.FAILED));
    WAYS.put(IommuState.FAILED, EnumSet.of(IommuState.STARTING, IommuState.OFF));
    WAYS.put(IommuState.ON, EnumSet.of(IommuState.OFF, IommuState.FAILED));
    WAYS.put(IommuState.DISABLED, EnumSet.noneOf(IommuState.class));
  }

  private record Now(IommuState state, @Nullable VmmException failure, int finishedTries) {}

  private volatile Now now;

  IommuLifecycle(boolean allowed) {
    now = new Now(allowed ? IommuState.OFF : IommuState.DISABLED, null, 0);
  }

  IommuState state() {
    return now.state();
  }

  Optional<VmmException> failure() {
    return Optional.ofNullable(now.failure());
  }

  /** Returns how many starts have come to an end, well or not. */
  int finishedTries() {
    return now.finishedTries();
  }

  void starting() {
    go(IommuState.STARTING, null, 0);
  }

  void started() {
    go(IommuState.ON, null, 1);
  }

  void off() {
    go(IommuState.OFF, null, 0);
  }

  /** Ends a start, or a close, that failed. */
  void failed(VmmException cause) {
    go(IommuState.FAILED, cause, now.state() == IommuState.STARTING ? 1 : 0);
  }

  private void go(IommuState next, @Nullable VmmException failure, int tries) {
    Now old = now;
    if (!WAYS.getOrDefault(old.state(), Set.of()).contains(next)) {
      throw new IllegalStateException("the I/O MMU cannot go from " + old.state() + " to " + next);
    }
    now = new Now(next, failure, old.finishedTries() + tries);
  }
}
