package dev.vmm.machine.model.pci;

/**
 * PCI Express Capability, version 2.
 *
 * <p>Source: PCI Express Base 5.0, "PCI Express Capability Structure".
 */
final class ExpressCapability implements Capability {
  static final int ENDPOINT = 0;
  static final int ROOT_PORT = 4;
  static final int UPSTREAM_PORT = 5;
  static final int DOWNSTREAM_PORT = 6;
  static final int TO_PCI_BRIDGE = 7;
  static final int ROOT_COMPLEX_ENDPOINT = 9;

  private static final int CONTROL = 0x08;
  private static final int STATUS = 0x0a;
  private static final int PHANTOM_ENABLE = 1 << 9;
  private static final int ROLE_BASED_ERRORS = 1 << 15;
  private static final int FLR_CAPABLE = 1 << 28;
  private static final int SLOT_IMPLEMENTED = 1 << 8;

  private final int type;
  private final boolean flr;
  private final int phantomBits;
  private int at;

  ExpressCapability(int type, boolean flr, int phantomBits) {
    this.type = type;
    this.flr = flr;
    this.phantomBits = phantomBits;
  }

  @Override
  public int id() {
    return 0x10;
  }

  @Override
  public int bytes() {
    return 0x3c;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    boolean slot = type == ROOT_PORT || type == DOWNSTREAM_PORT;
    config.define(at + 0x02, 2, 2 | type << 4 | (slot ? SLOT_IMPLEMENTED : 0));
    config.define(at + 0x04, 4, ROLE_BASED_ERRORS | (flr ? FLR_CAPABLE : 0) | phantomBits << 3);
    // Relaxed Ordering, No Snoop and a Max_Read_Request_Size of 512 bytes are on after a reset.
    config.define(at + CONTROL, 2, 0x2810);
    // Initiate Function Level Reset always reads 0.
    config.writable(at + CONTROL, 2, phantomBits == 0 ? 0x7dff : 0x7fff);
    config.clearable(at + STATUS, 2, 0x000f);
    if (type != ROOT_COMPLEX_ENDPOINT) {
      config.define(at + 0x0c, 4, 0x11); // Link Capabilities: 2.5 GT/s, x1
      config.writable(at + 0x10, 2, 0x00c3);
      config.define(at + 0x12, 2, 0x11); // Link Status
    }
  }

  int type() {
    return type;
  }

  /** Returns how many bits of the function number phantom functions use at present, 0 to 3. */
  int phantomBits(ConfigBytes config) {
    return (config.read(at + CONTROL, 2) & PHANTOM_ENABLE) == 0 ? 0 : phantomBits;
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    if (flr && write.sets(at + CONTROL, 15)) {
      function.resetItself();
    }
  }

  @Override
  public void refresh(ModelFunction function, ConfigBytes config) {
    int status = config.read(at + STATUS, 2) & ~(1 << 5);
    config.put(at + STATUS, 2, status | (function.transactionsPending() ? 1 << 5 : 0));
  }
}
