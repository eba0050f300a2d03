package dev.vmm.iommu.intel.dmar;

import dev.vmm.Message;
import dev.vmm.bits.Hex;
import java.util.List;

/**
 * One device, or one bridge with all that is behind it, as a bus number to start from and a path
 * from there.
 *
 * <p>Source: VT-d r4.1, "Device Scope Structure".
 *
 * @param offset of its first byte in the table
 * @param lengthBytes as the entry says
 * @param rawType the type as the table says, 0 to 255
 * @param flags the flags, 0 to 255; the book gives them a meaning inside {@link Sidp} only
 * @param enumerationId the I/O APIC id, the HPET number or the ACPI device number, by type
 * @param startBus the bus of the first hop, 0 to 255
 * @param path the hops, in order; all but the last are bridges. Empty in a damaged entry
 */
public record DeviceScope(
    int offset,
    int lengthBytes,
    int rawType,
    int flags,
    int enumerationId,
    int startBus,
    List<Path> path) {

  /** What a scope names. */
  public enum Type {
    /** A function. */
    PCI_ENDPOINT(1, "PCI Endpoint Device"),
    /** A bridge and everything behind it. */
    PCI_SUB_HIERARCHY(2, "PCI Sub-hierarchy"),
    /** An I/O APIC; its path gives the source id of its interrupts. */
    IOAPIC(3, "IOAPIC"),
    /** A timer block that sends MSIs; its path gives their source id. */
    MSI_CAPABLE_HPET(4, "MSI_CAPABLE_HPET"),
    /** A device that an {@link Andd} names; its path gives its source id. */
    ACPI_NAMESPACE_DEVICE(5, "ACPI_NAMESPACE_DEVICE"),
    /** A type that the book does not define. */
    UNKNOWN(-1, "unknown");

    private final int code;
    private final String label;

    Type(int code, String label) {
      this.code = code;
      this.label = label;
    }

    /** Returns the type of this code, {@link #UNKNOWN} if the book has none. */
    public static Type of(int code) {
      return switch (code) {
        case 1 -> PCI_ENDPOINT;
        case 2 -> PCI_SUB_HIERARCHY;
        case 3 -> IOAPIC;
        case 4 -> MSI_CAPABLE_HPET;
        case 5 -> ACPI_NAMESPACE_DEVICE;
        default -> UNKNOWN;
      };
    }

    /** Returns the number in the table, -1 for {@link #UNKNOWN}. */
    public int code() {
      return code;
    }

    /** Returns the book's name. */
    public String label() {
      return label;
    }
  }

  /**
   * One hop, as the table says: a damaged one may have numbers that no device has.
   *
   * @param device 0 to 255, valid up to 31
   * @param function 0 to 255, valid up to 7
   */
  public record Path(int device, int function) {
    /** Says whether a device can have these numbers. */
    public boolean valid() {
      return device <= 31 && function <= 7;
    }

    /** Returns {@code 1f.0}. */
    @Override
    public String toString() {
      return Hex.pair(device) + "." + Integer.toHexString(function);
    }
  }

  /** Copies the list. */
  public DeviceScope {
    path = List.copyOf(path);
  }

  /** Returns what it names. */
  public Type type() {
    return Type.of(rawType);
  }

  /** Returns {@code PCI Endpoint Device bus 00 path 1c.0 00.0}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(type().label());
    if (type() == Type.UNKNOWN) {
      text.append(Message.format(" type 0x%x", rawType));
    }
    text.append(" bus ").append(Hex.pair(startBus)).append(" path");
    for (Path hop : path) {
      text.append(' ').append(hop);
    }
    return text.toString();
  }
}
