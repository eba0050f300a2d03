package dev.vmm.iommu.support;

import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.Rid;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What firmware's tables say of a requester id. Thread-safe; asked often, so without hardware. */
public interface UnitLocator {
  /** Returns the unit that translates for a requester id, or null if none does. */
  @Nullable RemappingUnit find(Rid rid);

  /** Returns the regions that firmware reserves for a requester id. */
  List<ReservedRegion> reservedRegions(Rid rid);

  /** Returns the ranges of iovas that no unit translates; the same each time. */
  List<UntranslatedRange> untranslatedRanges();

  /**
   * Returns what firmware would have to say for a unit to be found, to complete the sentence
   * "expected ...": {@code a DRHD of the DMAR table that covers it}.
   */
  String expected();
}
