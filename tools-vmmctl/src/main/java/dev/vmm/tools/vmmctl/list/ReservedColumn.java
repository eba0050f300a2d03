package dev.vmm.tools.vmmctl.list;

import dev.vmm.core.Vmm;
import java.util.List;

/** The ranges that firmware says a function goes on using (RMRR, IVMD). */
final class ReservedColumn {
  private ReservedColumn() {}

  /** Returns the column. */
  static Column of(Vmm vmm) {
    return Column.many("RESERVED", "reservedRegions", function -> List.of());
  }
}
