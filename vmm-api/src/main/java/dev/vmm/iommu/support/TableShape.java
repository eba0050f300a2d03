package dev.vmm.iommu.support;

import java.util.List;
import java.util.function.IntUnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The levels of a domain's table and the bits of its iovas.
 *
 * @param widthBits at most what the levels reach
 */
record TableShape(int levels, int widthBits) {
  /**
   * Returns the widest domain that any unit can have, in bits.
   *
   * @param reaches of each unit, how far tables of so many levels reach, in bits
   */
  static int widestBits(List<? extends IntUnaryOperator> reaches, int maxLevels) {
    int widest = 0;
    for (int levels = 1; levels <= maxLevels; levels++) {
      for (IntUnaryOperator reach : reaches) {
        widest = Math.max(widest, reach.applyAsInt(levels));
      }
    }
    return widest;
  }

  /**
   * Returns the tables that most units can walk up to this address; of those, the ones with the
   * fewest levels. Null if no unit reaches the address.
   */
  static @Nullable TableShape choose(
      List<? extends RemappingUnit> units, int maxLevels, long lastIova) {
    int needed = Math.max(1, Long.SIZE - Long.numberOfLeadingZeros(lastIova));
    TableShape best = null;
    int bestUnits = 0;
    for (int levels = 1; levels <= maxLevels; levels++) {
      int fit = 0;
      int width = Long.SIZE;
      for (RemappingUnit unit : units) {
        int reach = unit.reachBits(levels);
        if (reach >= needed) {
          fit++;
          width = Math.min(width, reach);
        }
      }
      if (fit > bestUnits) {
        bestUnits = fit;
        best = new TableShape(levels, width);
      }
    }
    return best;
  }

  /** Says whether a unit can walk such tables, all of them. */
  boolean fits(RemappingUnit unit) {
    return unit.reachBits(levels) >= widthBits;
  }

  /** Returns the highest iova, inclusive. */
  long lastIova() {
    return -1L >>> (Long.SIZE - widthBits);
  }
}
