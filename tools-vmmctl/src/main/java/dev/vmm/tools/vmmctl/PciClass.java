package dev.vmm.tools.vmmctl;

/** Names of PCI class codes. Source: PCI Code and ID Assignment 1.16, "Class Codes". */
final class PciClass {
  private PciClass() {}

  /** Returns words for a 24-bit class code: the sub-class, else the base class. */
  static String nameOf(int classCode) {
    return switch (classCode >>> 8) {
      case 0x0101 -> "IDE controller";
      case 0x0106 -> "SATA controller";
      case 0x0107 -> "serial attached SCSI controller";
      case 0x0108 -> "non-volatile memory controller";
      case 0x0200 -> "Ethernet controller";
      case 0x0300 -> "VGA-compatible controller";
      case 0x0403 -> "high-definition audio";
      case 0x0600 -> "host bridge";
      case 0x0601 -> "ISA bridge";
      case 0x0604 -> "PCI-to-PCI bridge";
      case 0x0806 -> "I/O MMU";
      case 0x0c03 -> "USB controller";
      case 0x0c05 -> "SMBus controller";
      default -> baseName(classCode >>> 16);
    };
  }

  private static String baseName(int base) {
    return switch (base) {
      case 0x00 -> "unclassified device";
      case 0x01 -> "mass storage controller";
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
      case 0x12 -> "processing accelerator";
      case 0xff -> "vendor-specific device";
      default -> "class reserved";
    };
  }
}
