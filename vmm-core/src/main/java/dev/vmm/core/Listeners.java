package dev.vmm.core;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who wants to be told; one that fails stops nobody. Thread-safe; calls with no lock held. */
final class Listeners<T> {
  /** Has its own identity: a listener that was added twice is removed once for each close. */
  private static final class Registration<T> {
    final Consumer<T> listener;

    Registration(Consumer<T> listener) {
      this.listener = listener;
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(Listeners.class);

  private final List<Registration<T>> registrations = new CopyOnWriteArrayList<>();

  IommuService.Listening add(Consumer<T> listener) {
    Registration<T> registration = new Registration<>(listener);
    registrations.add(registration);
    return () -> registrations.remove(registration);
  }

  void tell(T what) {
    for (Registration<T> registration : registrations) {
      try {
        registration.listener.accept(what);
      } catch (RuntimeException | LinkageError | AssertionError e) {
        LOG.error("a listener failed on {}", what, e);
      }
    }
  }
}
