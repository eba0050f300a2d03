package dev.vmm.tools.dmardump;

import dev.vmm.machine.Machine;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What is behind the requester ids of a machine: class and ids of each function that was there when
 * it was asked. Immutable and thread-safe.
 *
 * <p>Source of the class names: PCI Code and ID Assignment Specification 1.16, "Class Codes".
 */
public final class PciNames {
  /** Nothing is known of any requester id. */
  public static final PciNames NONE = new PciNames(Map.of(), false);

  private final Map<Rid, PciFunction> functions;
  private final boolean known;

  private PciNames(Map<Rid, PciFunction> functions, boolean known) {
    this.functions = functions;
    this.known = known;
  }

  /** Asks a machine once. */
  public static PciNames of(Machine machine) {
    Map<Rid, PciFunction> functions = new HashMap<>();
    machine.pci().functions().forEach(function -> functions.put(function.rid(), function));
    return new PciNames(functions, true);
  }

  /**
   * Returns {@code Ethernet controller 8086:10d3}; {@code absent} if no function has the requester
   * id; empty if nothing is known.
   */
  public String of(Rid rid) {
    PciFunction function = functions.get(rid);
    if (function == null) {
      return known ? "absent" : "";
    }
    return String.format(
        Locale.ROOT,
        "%s %04x:%04x%s",
        className(function.classCode()),
        function.vendorId(),
        function.deviceId(),
        function.physicalFunction().isPresent() ? " VF" : "");
  }

  /** Returns the name of a 24-bit class code: of the sub-class, else of the base class. */
  public static String className(int code) {
    return switch (code >>> 8) {
      case 0x0100 -> "SCSI controller";
      case 0x0101 -> "IDE controller";
      case 0x0104 -> "RAID controller";
      case 0x0106 -> "SATA controller";
      case 0x0107 -> "SAS controller";
      case 0x0108 -> "NVM controller";
      case 0x0200 -> "Ethernet controller";
      case 0x0207 -> "InfiniBand controller";
      case 0x0300 -> "VGA controller";
      case 0x0302 -> "3D controller";
      case 0x0380 -> "display controller";
      case 0x0401 -> "audio device";
      case 0x0403 -> "HD audio device";
      case 0x0600 -> "host bridge";
      case 0x0601 -> "ISA bridge";
      case 0x0604 -> "PCI bridge";
      case 0x0607 -> "CardBus bridge";
      case 0x0700 -> "serial controller";
      case 0x0780 -> "communication controller";
      case 0x0800 -> "interrupt controller";
      case 0x0805 -> "SD host controller";
      case 0x0806 -> "I/O MMU";
      case 0x0c03 -> "USB controller";
      case 0x0c05 -> "SMBus";
      case 0x0d11 -> "Bluetooth controller";
      case 0x1180 -> "signal processing controller";
      case 0x1200 -> "processing accelerator";
      default ->
          switch (code >>> 16) {
            case 0x00 -> "unclassified device";
            case 0x01 -> "storage controller";
            case 0x02 -> "network controller";
            case 0x03 -> "display controller";
            case 0x04 -> "multimedia device";
            case 0x05 -> "memory controller";
            case 0x06 -> "bridge";
            case 0x07 -> "communication controller";
            case 0x08 -> "system peripheral";
            case 0x09 -> "input device";
            case 0x0b -> "processor";
            case 0x0c -> "serial bus controller";
            case 0x0d -> "wireless controller";
            case 0x10 -> "encryption controller";
            case 0x11 -> "signal processing controller";
            case 0x12 -> "processing accelerator";
            default -> String.format(Locale.ROOT, "class %06x", code);
          };
    };
  }
}
