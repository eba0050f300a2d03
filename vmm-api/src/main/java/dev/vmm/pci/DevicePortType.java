package dev.vmm.pci;

import java.util.Locale;

/**
 * Device/Port Type of the PCI Express Capabilities Register, bits 7:4. Source: PCI Express Base
 * 5.0, "PCI Express Capabilities Register".
 */
public enum DevicePortType {
  /** 0000b. */
  PCI_EXPRESS_ENDPOINT(0),
  /** 0001b. */
  LEGACY_PCI_EXPRESS_ENDPOINT(1),
  /** 0100b. */
  ROOT_PORT(4),
  /** 0101b: of a switch. */
  UPSTREAM_PORT(5),
  /** 0110b: of a switch. */
  DOWNSTREAM_PORT(6),
  /** 0111b. */
  PCI_EXPRESS_TO_PCI_BRIDGE(7),
  /** 1000b: the conventional bus is the primary one. */
  PCI_TO_PCI_EXPRESS_BRIDGE(8),
  /** 1001b. */
  ROOT_COMPLEX_INTEGRATED_ENDPOINT(9),
  /** 1010b. */
  ROOT_COMPLEX_EVENT_COLLECTOR(10),
  /** All other encodings. */
  RESERVED(-1);

  private final int code;

  DevicePortType(int code) {
    this.code = code;
  }

  /** Returns the type that the register's value says. */
  public static DevicePortType of(int capabilitiesRegister) {
    int code = (int) PcieCapability.TYPE.get(capabilitiesRegister);
    for (DevicePortType type : values()) {
      if (type.code == code) {
        return type;
      }
    }
    return RESERVED;
  }

  /** Says whether it is a port that hands requests on under the requester ids that they have. */
  public boolean isPort() {
    return this == ROOT_PORT || this == UPSTREAM_PORT || this == DOWNSTREAM_PORT;
  }

  /** Returns {@code root port}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', ' ').replace("pci", "PCI");
  }
}
