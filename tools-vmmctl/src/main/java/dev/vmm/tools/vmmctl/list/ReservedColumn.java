package dev.vmm.tools.vmmctl.list;

import dev.vmm.iommu.ReservedRegion;
import dev.vmm.pci.PciFunction;
import java.util.List;

/** The ranges that firmware says a function goes on using (RMRR, IVMD), and where it says so. */
final class ReservedColumn {
  private ReservedColumn() {}

  /** Returns the column with the ranges, and one with their sources for JSON, in the same order. */
  static List<Column> of(Firmware firmware) {
    return List.of(
        Column.many(
            "RESERVED",
            "reservedRegions",
            function ->
                regions(firmware, function).stream()
                    .map(region -> region.range() + "(" + region.access() + ")")
                    .toList()),
        Column.many(
            "",
            "reservedBy",
            function -> regions(firmware, function).stream().map(ReservedRegion::source).toList()));
  }

  private static List<ReservedRegion> regions(Firmware firmware, PciFunction function) {
    return firmware.each(survey -> survey.reservedRegions(function.rid()));
  }
}
