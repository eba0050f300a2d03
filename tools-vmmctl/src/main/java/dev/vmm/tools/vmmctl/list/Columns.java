package dev.vmm.tools.vmmctl.list;

import dev.vmm.VmmException;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.PptState;
import dev.vmm.ppt.ResetMethod;
import dev.vmm.tools.dmardump.Inspectors;
import dev.vmm.tools.dmardump.PciNames;
import dev.vmm.tools.vmmctl.device.DeviceNames;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The columns, in their order. Stateless. */
final class Columns {
  private Columns() {}

  static List<Column> of(Vmm vmm, PptDriver ppt, List<PciFunction> functions) {
    DeviceNames names = new DeviceNames(functions);
    Inspectors inspectors = Inspectors.load();
    return List.of(
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
        Column.one("UNIT", "unit", function -> unit(inspectors, vmm, function)),
        Column.one(
            "DOMAIN", "domain", function -> vmm.iommu().domainNameOf(function.rid()).orElse("")),
        Column.many(
            "RESET",
            "resetMethods",
            function -> ResetMethod.of(function).stream().map(ResetMethod::name).toList()),
        Column.many("CAPABILITIES", "capabilities", Capabilities::of),
        Column.one(
            "",
            "physicalFunction",
            function -> function.physicalFunction().map(Rid::toString).orElse("")),
        GroupColumn.of(vmm),
        ReservedColumn.of(vmm));
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

  /** Returns the unit that would translate its requests; a question mark if none answers. */
  private static String unit(Inspectors inspectors, Vmm vmm, PciFunction function) {
    if (function.isIommu()) {
      return "";
    }
    try {
      return inspectors.walk(vmm.machine(), function.rid(), 0).map(WalkReport::unit).orElse("");
    } catch (VmmException e) {
      return "?"; // the list is what one looks at when something is broken
    }
  }
}
