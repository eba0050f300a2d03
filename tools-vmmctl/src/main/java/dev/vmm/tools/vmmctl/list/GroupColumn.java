package dev.vmm.tools.vmmctl.list;

import dev.vmm.core.Vmm;
import java.util.List;

/** Who shares a function's fate: the other members of its isolation group. */
final class GroupColumn {
  private GroupColumn() {}

  /** Returns the column. */
  static Column of(Vmm vmm) {
    return Column.many("GROUP", "group", function -> List.of());
  }
}
