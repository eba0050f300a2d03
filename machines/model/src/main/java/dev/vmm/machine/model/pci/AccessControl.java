package dev.vmm.machine.model.pci;

/**
 * ACS Extended Capability of a port or of a function of a multi-function device.
 *
 * <p>Source: PCI Express Base 5.0, "ACS Extended Capability".
 */
final class AccessControl implements Capability {
  private static final int CONTROL = 0x06;

  /** Of a port: source validation, request and completion redirect, upstream forwarding. */
  static final int PORT = 0x1d;

  /** Of any other function: the two that redirect. */
  static final int FUNCTION = 0x0c;

  private static final int REQUEST_REDIRECT = 1 << 2;

  private final int supported;
  private final boolean on;
  private int at;

  /** Makes one that firmware turns on or leaves off. */
  AccessControl(int supported, boolean on) {
    this.supported = supported;
    this.on = on;
  }

  @Override
  public int id() {
    return 0x000d;
  }

  @Override
  public int bytes() {
    return 8;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    config.define(at + 0x04, 2, supported);
    config.writable(at + CONTROL, 2, supported);
    if (on) {
      config.put(at + CONTROL, 2, supported);
    }
  }

  boolean redirects(ConfigBytes config) {
    return (config.read(at + CONTROL, 2) & REQUEST_REDIRECT) != 0;
  }
}
