package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.pci.Rid;

/** Finds the unit whose table a requester id's interrupts go through. Thread-safe. */
final class UnitsInterrupts implements InterruptRemapping {
  /** As many as MSI-X can have. */
  private static final int MAX_COUNT = 2048;

  private final String kind;
  private final UnitLocator locator;
  private final Runnable checkOpen;

  UnitsInterrupts(String kind, UnitLocator locator, Runnable checkOpen) {
    this.kind = kind;
    this.locator = locator;
    this.checkOpen = checkOpen;
  }

  @Override
  public InterruptEntries allocate(Rid source, int count) {
    checkOpen.run();
    if (count < 1 || count > MAX_COUNT) {
      throw VmmException.invalid(
          "cannot reserve %d interrupt entries for %s: expected 1 to %d", count, source, MAX_COUNT);
    }
    RemappingUnit unit = locator.find(source);
    if (unit == null) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot reserve interrupt entries for "
              + source
              + ": no "
              + kind
              + " unit remaps its interrupts, expected "
              + locator.expected());
    }
    return unit.allocateInterrupts(source, count);
  }
}
