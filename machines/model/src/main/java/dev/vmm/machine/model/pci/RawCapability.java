package dev.vmm.machine.model.pci;

/** A capability whose registers are all read-only: given as they read, behind id and next. */
final class RawCapability implements Capability {
  private final int id;
  private final byte[] body;

  RawCapability(int id, byte[] body) {
    this.id = id;
    this.body = body.clone();
  }

  @Override
  public int id() {
    return id;
  }

  @Override
  public int bytes() {
    return 2 + body.length;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    for (int i = 0; i < body.length; i++) {
      config.define(offset + 2 + i, 1, body[i]);
    }
  }
}
