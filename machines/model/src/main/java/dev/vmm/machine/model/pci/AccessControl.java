package dev.vmm.machine.model.pci;

/**
 * ACS Extended Capability: source validation, request and completion redirect, upstream forwarding.
 *
 * <p>Source: PCI Express Base 5.0, "ACS Extended Capability".
 */
final class AccessControl implements Capability {
  private static final int CONTROL = 0x06;
  private static final int SUPPORTED = 0x1d;
  private static final int REQUEST_REDIRECT = 1 << 2;

  private final boolean on;
  private int at;

  /** Makes one that firmware turns on or leaves off. */
  AccessControl(boolean on) {
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
    config.define(at + 0x04, 2, SUPPORTED);
    config.writable(at + CONTROL, 2, SUPPORTED);
    if (on) {
      config.put(at + CONTROL, 2, SUPPORTED);
    }
  }

  boolean redirects(ConfigBytes config) {
    return (config.read(at + CONTROL, 2) & REQUEST_REDIRECT) != 0;
  }
}
