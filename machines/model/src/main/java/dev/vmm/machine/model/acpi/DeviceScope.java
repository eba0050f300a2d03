package dev.vmm.machine.model.acpi;

import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;

/**
 * One entry of a device scope, as firmware gives it: a start bus and the device and function of
 * each bridge on the way. VT-d r4.1, "Device Scope Structure". Immutable and thread-safe.
 *
 * @param type what it names
 * @param enumerationId the id of an I/O APIC, HPET or ACPI device; 0 otherwise
 * @param startBus the bus that the path begins at
 * @param path device and function of each hop, as {@link Rid#devfn}; the last is the device's own
 */
public record DeviceScope(Type type, int enumerationId, int startBus, List<Integer> path) {
  /** What a scope names. */
  public enum Type {
    /** One function. */
    PCI_ENDPOINT(1),
    /** A bridge and all that is behind it. */
    PCI_SUB_HIERARCHY(2),
    /** An I/O APIC. */
    IOAPIC(3),
    /** An HPET that sends messages. */
    MSI_CAPABLE_HPET(4),
    /** A device that only ACPI's namespace knows. */
    ACPI_NAMESPACE_DEVICE(5);

    private final int code;

    Type(int code) {
      this.code = code;
    }
  }

  /** Copies the list. */
  public DeviceScope {
    path = List.copyOf(path);
  }

  /** Names one function by its bus, as firmware does for devices on a root bus. */
  public static DeviceScope endpoint(Rid rid) {
    return new DeviceScope(Type.PCI_ENDPOINT, 0, rid.bus(), List.of(rid.devfn()));
  }

  /** Names one function by the way to it: bridges from a root bus down, then itself. */
  public static DeviceScope endpoint(int startBus, int... devfns) {
    return new DeviceScope(Type.PCI_ENDPOINT, 0, startBus, hops(devfns));
  }

  /** Names a bridge and all that is behind it, by the way to it. */
  public static DeviceScope subHierarchy(int startBus, int... devfns) {
    return new DeviceScope(Type.PCI_SUB_HIERARCHY, 0, startBus, hops(devfns));
  }

  /** Names an I/O APIC by its id, and the requester id of its messages. */
  public static DeviceScope ioApic(int id, Rid source) {
    return new DeviceScope(Type.IOAPIC, id, source.bus(), List.of(source.devfn()));
  }

  /** Names an HPET by its number, and the requester id of its messages. */
  public static DeviceScope hpet(int number, Rid source) {
    return new DeviceScope(Type.MSI_CAPABLE_HPET, number, source.bus(), List.of(source.devfn()));
  }

  /** Names the device of an ANDD by its number, and the requester id of its DMA. */
  public static DeviceScope acpiDevice(int number, Rid source) {
    return new DeviceScope(
        Type.ACPI_NAMESPACE_DEVICE, number, source.bus(), List.of(source.devfn()));
  }

  byte[] toBytes() {
    TableBytes bytes =
        new TableBytes()
            .u8(type.code)
            .u8(6 + 2 * path.size())
            .zeros(2)
            .u8(enumerationId)
            .u8(startBus);
    path.forEach(devfn -> bytes.u8(devfn >>> 3).u8(devfn & 7));
    return bytes.toBytes();
  }

  private static List<Integer> hops(int... devfns) {
    List<Integer> path = new ArrayList<>();
    for (int devfn : devfns) {
      path.add(devfn);
    }
    return path;
  }
}
