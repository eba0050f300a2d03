package dev.vmm.pci;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A function as it was found: who it is and where it hangs. What can change is read through {@link
 * #config()}.
 *
 * <p>Immutable and thread-safe.
 */
public final class PciFunction {
  /** Base class and sub-class. */
  private static final int IOMMU_CLASS = 0x0806;

  private final ConfigSpace config;
  private final int vendorId;
  private final int deviceId;
  private final int classCode;
  private final int headerType;
  private final @Nullable Rid physicalFunction;
  private final @Nullable Rid bridge;

  PciFunction(
      ConfigSpace config,
      int vendorId,
      int deviceId,
      int classCode,
      int headerType,
      @Nullable Rid physicalFunction,
      @Nullable Rid bridge) {
    this.config = config;
    this.vendorId = vendorId;
    this.deviceId = deviceId;
    this.classCode = classCode;
    this.headerType = headerType;
    this.physicalFunction = physicalFunction;
    this.bridge = bridge;
  }

  /** Returns its requester id. */
  public Rid rid() {
    return config.rid();
  }

  /** Returns its config space. */
  public ConfigSpace config() {
    return config;
  }

  /** Returns the vendor id; a VF's is its PF's. */
  public int vendorId() {
    return vendorId;
  }

  /** Returns the device id; a VF's is the VF Device ID of its PF's SR-IOV capability. */
  public int deviceId() {
    return deviceId;
  }

  /** Returns the 24-bit class code: base class, sub-class, programming interface. */
  public int classCode() {
    return classCode;
  }

  /**
   * Says whether it is an I/O MMU itself, as AMD's units are, by its class: it translates for
   * others and not for itself. Source: PCI Code and ID Assignment 1.11, "Base Class 08h".
   */
  public boolean isIommu() {
    return classCode >>> 8 == IOMMU_CLASS;
  }

  /** Says whether it is a PCI-to-PCI bridge or root port (header type 1). */
  public boolean isBridge() {
    return headerType == 1;
  }

  /** Returns the layout of its config header, 0 to 127: 0 for an endpoint, 1 for a bridge. */
  public int headerType() {
    return headerType;
  }

  /** Returns the PF if this is an SR-IOV virtual function. */
  public Optional<Rid> physicalFunction() {
    return Optional.ofNullable(physicalFunction);
  }

  /**
   * Returns the bridge whose secondary bus it is on; empty on a root bus. A VF has its PF's bridge.
   */
  public Optional<Rid> bridge() {
    return Optional.ofNullable(bridge);
  }

  /** Returns {@code 0000:02:00.0 1234:11e8 class 00ff00}. */
  @Override
  public String toString() {
    return String.format("%s %04x:%04x class %06x", rid(), vendorId, deviceId, classCode);
  }
}
