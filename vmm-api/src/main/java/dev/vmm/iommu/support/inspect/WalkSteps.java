package dev.vmm.iommu.support.inspect;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The steps of one walk, and how it can end. Not thread-safe. */
public final class WalkSteps {
  private final String unit;
  private final Rid rid;
  private final long iova;
  private final List<WalkReport.Step> steps = new ArrayList<>();

  /** A walk of one address of one requester id through a unit. */
  public WalkSteps(String unit, Rid rid, long iova) {
    this.unit = unit;
    this.rid = rid;
    this.iova = iova;
  }

  /** Returns the steps so far, for those who add to them. */
  public List<WalkReport.Step> steps() {
    return steps;
  }

  /** Adds an entry; the parameters are those of {@link WalkReport.Step}. */
  public void add(String what, int index, long hpa, String raw, String meaning) {
    steps.add(new WalkReport.Step(what, index, hpa, raw, meaning));
  }

  /** Ends the walk with a fault. */
  public WalkReport fault(String why) {
    return new WalkReport(unit, rid, iova, steps, Optional.empty(), why);
  }

  /**
   * Ends the walk where the address goes out as it is.
   *
   * @param why a sentence that becomes a step, empty if the steps say it
   */
  public WalkReport untranslated(String why) {
    if (!why.isEmpty()) {
      add("unit", 0, 0, "0x0", why);
    }
    return mapped(new Translation(iova, PhysicalMemory.PAGE_BYTES, Access.READ_WRITE), "", "");
  }

  /**
   * Ends the walk where the address leads.
   *
   * @param noRead why a read faults, if the translation allows none
   * @param noWrite why a write faults, if the translation allows none
   */
  public WalkReport mapped(Translation translation, String noRead, String noWrite) {
    String fault =
        switch (translation.access()) {
          case READ -> "a write: " + noWrite;
          case WRITE -> "a read: " + noRead;
          case READ_WRITE -> "";
        };
    return new WalkReport(unit, rid, iova, steps, Optional.of(translation), fault);
  }
}
