package dev.vmm.tools.vmmctl.list;

import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.pci.topology.PciTopology;
import java.util.List;

/** Who shares a function's fate: the other endpoints of its isolation group, and why. */
final class GroupColumn {
  private GroupColumn() {}

  /** Returns the column with the members, and one with the reasons for JSON. */
  static List<Column> of(List<PciFunction> functions, Firmware firmware) {
    PciTopology topology =
        PciTopology.of(functions, rid -> firmware.each(survey -> survey.aliases(rid)));
    return List.of(
        Column.many("GROUP", "group", function -> others(topology, function.rid())),
        Column.many("", "groupReasons", function -> topology.group(function.rid()).reasons()));
  }

  private static List<String> others(PciTopology topology, Rid rid) {
    return topology.group(rid).members().stream()
        .map(PciFunction::rid)
        .filter(member -> !member.equals(rid))
        .map(Rid::toString)
        .toList();
  }
}
