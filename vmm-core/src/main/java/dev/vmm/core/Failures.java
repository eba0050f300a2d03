package dev.vmm.core;

import dev.vmm.VmmException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Keeps the first failure of several steps that must all be tried. Not thread-safe. */
final class Failures {
  private @Nullable VmmException first;

  /** Runs a step and remembers its failure; returns whether it succeeded. */
  boolean attempt(String what, Runnable step) {
    try {
      Spi.run(what, step);
      return true;
    } catch (VmmException e) {
      add(e);
      return false;
    }
  }

  void add(VmmException e) {
    if (first == null) {
      first = e;
    } else if (first != e) {
      first.addSuppressed(e);
    }
  }

  /** Returns the first failure, the others suppressed in it. */
  Optional<VmmException> first() {
    return Optional.ofNullable(first);
  }

  /** Adds the first failure, the others suppressed in it, to what led to them. */
  void suppressIn(Throwable cause) {
    if (first != null && first != cause) {
      cause.addSuppressed(first);
    }
  }

  /** Throws the first failure, the others suppressed in it. */
  void throwFirst() {
    if (first != null) {
      throw first;
    }
  }
}
