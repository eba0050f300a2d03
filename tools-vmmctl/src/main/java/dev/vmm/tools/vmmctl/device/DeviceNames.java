package dev.vmm.tools.vmmctl.device;

import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Short names for the functions of a machine, for people: what it is and an index by requester id,
 * such as {@code edu0}; a VF is {@code edu1vf0}, counted within its PF, so that the names of others
 * stay when VFs come and go. Immutable and thread-safe.
 */
public final class DeviceNames {
  private static final Pattern NAME = Pattern.compile("[a-z]+[0-9]+(?:vf[0-9]+)?");
  private static final int EDU = 0x1234_11e8;

  private final Map<Rid, String> names = new LinkedHashMap<>();

  /** Names these functions, which are in the order of their requester ids. */
  public DeviceNames(List<PciFunction> functions) {
    Map<String, Integer> count = new HashMap<>();
    for (PciFunction function : functions) {
      if (function.physicalFunction().isEmpty()) {
        String kind = kind(function);
        names.put(function.rid(), kind + (count.merge(kind, 1, Integer::sum) - 1));
      }
    }
    for (PciFunction function : functions) {
      function
          .physicalFunction()
          .map(names::get)
          .map(pf -> pf + "vf")
          .ifPresent(vf -> names.put(function.rid(), vf + (count.merge(vf, 1, Integer::sum) - 1)));
    }
  }

  /** Returns the name of one of the functions, empty for any other. */
  public String of(Rid rid) {
    return names.getOrDefault(rid, "");
  }

  /** Returns every name. */
  public List<String> all() {
    return List.copyOf(names.values());
  }

  /**
   * Reads a name, or what {@link Rid#parse} reads. That there is such a function is only asked for
   * a name.
   *
   * @throws VmmException EINVAL if it is neither, with the names that there are
   */
  public static Rid parse(Machine machine, String text) {
    if (!NAME.matcher(text).matches()) {
      return Rid.parse(text);
    }
    DeviceNames names = new DeviceNames(machine.pci().functions());
    return names.names.entrySet().stream()
        .filter(entry -> entry.getValue().equals(text))
        .map(Map.Entry::getKey)
        .findFirst()
        .orElseThrow(
            () ->
                VmmException.invalid(
                    "no function of %s is called \"%s\": there are %s",
                    machine.name(), text, String.join(", ", names.all())));
  }

  private static String kind(PciFunction function) {
    if ((function.vendorId() << 16 | function.deviceId()) == EDU) {
      return "edu";
    }
    return switch (function.classCode() >>> 8) {
      case 0x0101 -> "ide";
      case 0x0106 -> "sata";
      case 0x0108 -> "nvme";
      case 0x0200 -> "net";
      case 0x0300 -> "vga";
      case 0x0403 -> "audio";
      case 0x0600 -> "host";
      case 0x0601 -> "isa";
      case 0x0604 -> "bridge";
      case 0x0806 -> "iommu";
      case 0x0c03 -> "usb";
      case 0x0c05 -> "smbus";
      default -> "dev";
    };
  }
}
