package dev.vmm.machine.model.check;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The misuses of a machine's hardware so far. A test ends by asserting that there are none.
 *
 * <p>Keeps the first {@link #MAX_KEPT} and counts the rest, so that a loop of mistakes costs no
 * memory. Thread-safe.
 */
public final class Violations {
  /** How many are kept. */
  public static final int MAX_KEPT = 1000;

  private static final Logger LOG = LoggerFactory.getLogger(Violations.class);

  private final List<Violation> kept = new ArrayList<>();
  private long count;

  /** Starts with none. */
  public Violations() {}

  /** Records one, its detail formatted as by {@link String#format(String, Object...)}. */
  public void record(Rule rule, String where, String format, Object... args) {
    Violation violation =
        new Violation(
            rule,
            where,
            String.format(Locale.ROOT, format, args),
            Thread.currentThread().getName());
    LOG.debug("violation: {}", violation);
    synchronized (this) {
      count++;
      if (kept.size() < MAX_KEPT) {
        kept.add(violation);
      }
    }
  }

  /** Returns those that were kept, oldest first. */
  public synchronized List<Violation> all() {
    return List.copyOf(kept);
  }

  /** Returns how many there were, those that were not kept included. */
  public synchronized long count() {
    return count;
  }

  /**
   * Returns what {@link #all} would and forgets everything: for a test that makes one on purpose.
   */
  public synchronized List<Violation> take() {
    List<Violation> taken = List.copyOf(kept);
    kept.clear();
    count = 0;
    return taken;
  }
}
