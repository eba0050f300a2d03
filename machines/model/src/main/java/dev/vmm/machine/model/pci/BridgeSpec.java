package dev.vmm.machine.model.pci;

import org.jspecify.annotations.Nullable;

/** What a bridge is, to be given to {@link BusBuilder#bridge}. Not thread-safe. */
public final class BridgeSpec {
  /** How a bridge passes requests on, which decides the requester id that they carry. */
  enum Kind {
    ROOT_PORT(0x1b36, 0x000c, ExpressCapability.ROOT_PORT),
    UPSTREAM_PORT(0x104c, 0x8232, ExpressCapability.UPSTREAM_PORT),
    DOWNSTREAM_PORT(0x104c, 0x8233, ExpressCapability.DOWNSTREAM_PORT),
    EXPRESS_TO_PCI(0x1b36, 0x000e, ExpressCapability.TO_PCI_BRIDGE),
    CONVENTIONAL(0x1b36, 0x0001, -1);

    final int vendorId;
    final int deviceId;
    final int expressType;

    Kind(int vendorId, int deviceId, int expressType) {
      this.vendorId = vendorId;
      this.deviceId = deviceId;
      this.expressType = expressType;
    }

    /** Says whether the bus behind it is a conventional one, which all devices on it share. */
    boolean conventionalBus() {
      return this == EXPRESS_TO_PCI || this == CONVENTIONAL;
    }
  }

  private final Kind kind;
  private boolean acs;
  private boolean acsOn;

  private BridgeSpec(Kind kind) {
    this.kind = kind;
  }

  /** Begins a root port. */
  public static BridgeSpec rootPort() {
    return new BridgeSpec(Kind.ROOT_PORT);
  }

  /** Begins a switch's upstream port; its downstream ports go on the bus behind it. */
  public static BridgeSpec upstreamPort() {
    return new BridgeSpec(Kind.UPSTREAM_PORT);
  }

  /** Begins a switch's downstream port. */
  public static BridgeSpec downstreamPort() {
    return new BridgeSpec(Kind.DOWNSTREAM_PORT);
  }

  /** Begins a bridge from PCI Express to conventional PCI: requests get its secondary bus's id. */
  public static BridgeSpec expressToPci() {
    return new BridgeSpec(Kind.EXPRESS_TO_PCI);
  }

  /** Begins a conventional PCI-to-PCI bridge: requests get the bridge's own id. */
  public static BridgeSpec conventional() {
    return new BridgeSpec(Kind.CONVENTIONAL);
  }

  /** Adds ACS; {@code on} says whether firmware enables it. */
  public BridgeSpec acs(boolean on) {
    acs = true;
    acsOn = on;
    return this;
  }

  Kind kind() {
    return kind;
  }

  @Nullable AccessControl makeAccessControl() {
    return acs ? new AccessControl(AccessControl.PORT, acsOn) : null;
  }
}
