package dev.vmm.machine.model.pci;

/**
 * Conventional PCI Advanced Features: a function level reset without PCI Express.
 *
 * <p>Source: PCI Express Base 5.0, "Conventional PCI Advanced Features (AF)".
 */
final class AdvancedFeatures implements Capability {
  private int at;

  @Override
  public int id() {
    return 0x13;
  }

  @Override
  public int bytes() {
    return 6;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    config.define(at + 2, 1, 6); // length
    config.define(at + 3, 1, 0x3); // FLR_CAP, TP_CAP
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    if (write.sets(at + 4, 0)) {
      function.resetItself();
    }
  }

  @Override
  public void refresh(ModelFunction function, ConfigBytes config) {
    config.put(at + 5, 1, function.transactionsPending() ? 1 : 0);
  }
}
