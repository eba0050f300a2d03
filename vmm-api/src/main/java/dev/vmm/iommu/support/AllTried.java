package dev.vmm.iommu.support;

import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Steps of which each is tried, whatever became of those before it: what one unit or one page does
 * not let be done must not keep the others from it. The first failure is kept, those after it are
 * suppressed in it.
 *
 * <pre>{@code
 * AllTried steps = new AllTried();
 * steps.each(tables, this::free);
 * steps.run(() -> free(root));
 * steps.throwFirst();
 * }</pre>
 *
 * <p>Not thread-safe.
 */
public final class AllTried {
  private @Nullable RuntimeException first;

  /** Nothing was tried yet. */
  public AllTried() {}

  /** Does a step; what it throws is kept. */
  public void run(Runnable step) {
    try {
      step.run();
    } catch (RuntimeException e) {
      if (first == null) {
        first = e;
      } else if (first != e) {
        first.addSuppressed(e);
      }
    }
  }

  /** Does one step for each of these, in their order. */
  public <T> void each(Iterable<? extends T> all, Consumer<T> step) {
    all.forEach(one -> run(() -> step.accept(one)));
  }

  /** Returns the first failure, with the others suppressed in it, or null. */
  public @Nullable RuntimeException first() {
    return first;
  }

  /** Throws the first failure, with the others suppressed in it, if there is one. */
  public void throwFirst() {
    if (first != null) {
      throw first;
    }
  }

  /** Adds the first failure, if there is one, to what led to these steps. */
  public void suppressIn(Throwable cause) {
    if (first != null && first != cause) {
      cause.addSuppressed(first);
    }
  }
}
