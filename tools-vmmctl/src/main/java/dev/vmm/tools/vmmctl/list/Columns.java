package dev.vmm.tools.vmmctl.list;

import dev.vmm.core.Vmm;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.PptState;
import dev.vmm.ppt.ResetMethod;
import dev.vmm.tools.dmardump.PciNames;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The columns, in their order. Stateless. */
final class Columns {
  private Columns() {}

  static List<Column> of(Vmm vmm, PptDriver ppt, List<PciFunction> functions) {
    DeviceNames names = new DeviceNames(functions);
    Firmware firmware = Firmware.of(vmm.machine());
    List<Column> columns = new ArrayList<>();
    columns.addAll(
        List.of(
            Column.one("RID", "rid", function -> function.rid().toString()),
            Column.one("NAME", "name", function -> names.of(function.rid())),
            Column.one("ID", "id", Columns::ids),
            Column.one("", "classCode", function -> hex("%06x", function.classCode())),
            Column.one("CLASS", "class", function -> PciNames.className(function.classCode())),
            Column.one("DRIVER", "driver", function -> driver(ppt.device(function.rid()))),
            Column.one(
                "",
                "owner",
                function -> ppt.device(function.rid()).flatMap(PptDevice::ownerName).orElse("")),
            Column.one("UNIT", "unit", function -> firmware.unitOf(function.rid())),
            Column.one(
                "DOMAIN",
                "domain",
                function -> vmm.iommu().domainNameOf(function.rid()).orElse("")),
            Column.many(
                "RESET",
                "resetMethods",
                function -> ResetMethod.of(function).stream().map(ResetMethod::name).toList()),
            Column.many("CAPABILITIES", "capabilities", Capabilities::of),
            Column.one(
                "",
                "physicalFunction",
                function -> function.physicalFunction().map(Rid::toString).orElse(""))));
    columns.addAll(GroupColumn.of(functions, firmware));
    columns.addAll(ReservedColumn.of(firmware));
    return List.copyOf(columns);
  }

  private static String ids(PciFunction function) {
    return hex("%04x", function.vendorId()) + ":" + hex("%04x", function.deviceId());
  }

  private static String hex(String format, int value) {
    return String.format(Locale.ROOT, format, value);
  }

  /** Returns host, ppt, assigned or broken. */
  private static String driver(Optional<PptDevice> device) {
    PptState state = device.map(PptDevice::state).orElse(PptState.HOST);
    return state == PptState.PARKED ? "ppt" : state.name().toLowerCase(Locale.ROOT);
  }
}
