package dev.vmm.tools.dmardump.verify;

import dev.vmm.AddressRange;
import java.util.List;

/**
 * Whether runs of pages are one to one and cover all of memory. Runs come in order of iova. Not
 * thread-safe.
 */
final class Coverage {
  private final List<AddressRange> ram;
  private boolean identity = true;
  private boolean holes;

  /** The range of memory that is being covered, and the first address of it that is not yet. */
  private int range;

  private long next;

  Coverage(List<AddressRange> ram) {
    this.ram = ram.stream().sorted().toList();
    this.next = this.ram.isEmpty() ? 0 : this.ram.get(0).start();
  }

  void run(long iova, long hpa, long lengthBytes) {
    identity &= iova == hpa;
    long last = hpa + lengthBytes - 1;
    while (identity && !holes && range < ram.size() && Long.compareUnsigned(last, next) >= 0) {
      if (Long.compareUnsigned(hpa, next) > 0) {
        holes = true;
        return;
      }
      if (Long.compareUnsigned(last, ram.get(range).last()) < 0) {
        next = last + 1;
        return;
      }
      range++;
      next = range < ram.size() ? ram.get(range).start() : 0;
    }
  }

  /** Says whether everything is one to one, and all of memory is covered. */
  boolean isWhole() {
    return identity && !holes && range == ram.size() && range > 0;
  }
}
