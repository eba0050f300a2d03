package dev.vmm.iommu.support;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.pci.Rid;
import java.util.List;

/** Finds the unit whose table a requester id's interrupts go through. Thread-safe. */
final class UnitsInterrupts implements InterruptRemapping {
  /** As many as MSI-X can have. */
  private static final int MAX_COUNT = 2048;

  private final String kind;
  private final List<RemappingUnit> units;
  private final UnitLocator locator;
  private final Runnable checkOpen;
  private volatile boolean forgone;

  UnitsInterrupts(String kind, List<RemappingUnit> units, UnitLocator locator, Runnable checkOpen) {
    this.kind = kind;
    this.units = units;
    this.locator = locator;
    this.checkOpen = checkOpen;
  }

  @Override
  public boolean forwardsHost() {
    return units.stream().allMatch(RemappingUnit::forwardsHostInterrupts);
  }

  @Override
  public boolean active(Rid source) {
    RemappingUnit unit = locator.find(source);
    return unit != null && unit.remapsInterrupts();
  }

  @Override
  public void forgo() {
    checkOpen.run();
    AllTried given = new AllTried();
    given.each(
        units,
        unit -> {
          unit.forgoInterrupts();
          // Also where another refuses: what one unit lets pass is not remapped.
          forgone = true;
        });
    given.throwFirst();
  }

  boolean forgone() {
    return forgone;
  }

  @Override
  public InterruptEntries allocate(Rid source, int count) {
    checkOpen.run();
    if (forgone) {
      throw VmmException.invalid(
          "cannot reserve interrupt entries for %s: the remapping was given up, expected nobody to use it; open the I/O"
              + " MMU again",
          source);
    }
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
