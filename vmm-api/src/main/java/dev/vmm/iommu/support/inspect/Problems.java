package dev.vmm.iommu.support.inspect;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A list of problems that garbage in memory cannot make longer than a reader wants. Not
 * thread-safe.
 */
public final class Problems {
  private static final int MAX = 1000;

  private final List<String> all = new ArrayList<>();

  /** Makes an empty list. */
  public Problems() {}

  /** Adds a sentence; after 1000 one says that there are more. */
  public void add(String format, Object... args) {
    if (all.size() < MAX) {
      all.add(String.format(Locale.ROOT, format, args));
    } else if (all.size() == MAX) {
      all.add("more problems are left out");
    }
  }

  /** Returns them in the order they came. */
  public List<String> all() {
    return List.copyOf(all);
  }
}
