package dev.vmm.machine;

import java.util.Iterator;
import java.util.ServiceConfigurationError;
import java.util.function.Consumer;

/** Takes providers from a loader each on its own: a broken one keeps nobody from the others. */
final class Providers {
  /** Ends a loader that fails for ever instead of coming to its end. */
  private static final int MAX_BROKEN = 100;

  private Providers() {}

  /** Hands every provider to {@code action}, and what is wrong with a broken one to the other. */
  static <T> void forEach(Iterable<T> loader, Consumer<T> action, Consumer<String> broken) {
    Iterator<T> providers = loader.iterator();
    for (int failures = 0; failures < MAX_BROKEN; ) {
      T provider;
      try {
        if (!providers.hasNext()) {
          return;
        }
        provider = providers.next();
      } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
        failures++;
        broken.accept(e.toString());
        continue;
      }
      action.accept(provider);
    }
  }
}
