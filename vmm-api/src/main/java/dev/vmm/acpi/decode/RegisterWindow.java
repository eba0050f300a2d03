package dev.vmm.acpi.decode;

import dev.vmm.AddressRange;
import dev.vmm.Message;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a table says that a unit's registers are; nothing was checked.
 *
 * @param structure the structure that says so
 * @param baseHpa the first register's address
 * @param lengthBytes of the registers, at least 1
 */
public record RegisterWindow(TableStructure structure, long baseHpa, long lengthBytes)
    implements Comparable<RegisterWindow> {
  /**
   * Two windows that overlap.
   *
   * @param window the one with the higher address
   * @param problem what is wrong, in words that name both
   */
  public record Overlap(RegisterWindow window, String problem) {}

  /** Returns what is odd about it: base 0, not a multiple of {@code alignment}, past 2^64. */
  public List<String> problems(long alignment) {
    if (baseHpa != 0 && (baseHpa & (alignment - 1)) == 0 && !wraps()) {
      return List.of();
    }
    List<String> problems = new ArrayList<>();
    String where = structure.where();
    if (baseHpa == 0) {
      problems.add(where + " has register base 0x0: no registers can be there");
    } else if ((baseHpa & (alignment - 1)) != 0) {
      problems.add(
          Message.format(
              "%s has register base 0x%x: expected a multiple of %d KiB",
              where, baseHpa, alignment >> 10));
    }
    if (wraps()) {
      problems.add(
          Message.format(
              "%s has 0x%x bytes of registers at 0x%x, which wraps past 2^64",
              where, lengthBytes, baseHpa));
    }
    return problems;
  }

  /**
   * Returns which windows overlap an earlier one, by address. One sweep in order of address: a
   * hostile table may hold very many units.
   */
  public static List<Overlap> overlaps(List<RegisterWindow> windows) {
    if (areInOrder(windows)) {
      return List.of();
    }
    List<Overlap> problems = new ArrayList<>();
    List<RegisterWindow> sorted = new ArrayList<>();
    for (RegisterWindow window : windows) {
      if (!window.wraps()) {
        sorted.add(window);
      }
    }
    sorted.sort(null);
    @Nullable RegisterWindow reaching = null;
    for (RegisterWindow window : sorted) {
      if (reaching != null && reaching.range().overlaps(window.range())) {
        problems.add(
            new Overlap(
                window,
                Message.format(
                    "%s has registers at %s, which overlap those of %s at %s",
                    window.structure.where(),
                    window.range(),
                    reaching.structure.where(),
                    reaching.range())));
      }
      if (reaching == null
          || Long.compareUnsigned(window.range().last(), reaching.range().last()) > 0) {
        reaching = window;
      }
    }
    return problems;
  }

  /** Orders by address, then by length, both unsigned. */
  @Override
  public int compareTo(RegisterWindow other) {
    int byBase = Long.compareUnsigned(baseHpa, other.baseHpa);
    return byBase != 0 ? byBase : Long.compareUnsigned(lengthBytes, other.lengthBytes);
  }

  /** Says whether each ends before the next begins, as in most tables: then none overlap. */
  private static boolean areInOrder(List<RegisterWindow> windows) {
    long last = 0;
    for (int i = 0; i < windows.size(); i++) {
      RegisterWindow window = windows.get(i);
      if (window.wraps() || (i > 0 && Long.compareUnsigned(window.baseHpa, last) <= 0)) {
        return false;
      }
      last = window.baseHpa + window.lengthBytes - 1;
    }
    return true;
  }

  private boolean wraps() {
    return baseHpa != 0 && Long.compareUnsigned(lengthBytes, -baseHpa) > 0;
  }

  private AddressRange range() {
    return new AddressRange(baseHpa, lengthBytes);
  }
}
