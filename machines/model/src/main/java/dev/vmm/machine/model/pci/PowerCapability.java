package dev.vmm.machine.model.pci;

/**
 * PCI Power Management Capability: D0 and D3hot.
 *
 * <p>Source: PCI Express Base 5.0, "PCI Power Management Capability Structure".
 */
final class PowerCapability implements Capability {
  private static final int CONTROL_STATUS = 0x04;
  private static final int NO_SOFT_RESET = 1 << 3;
  private static final int D3_HOT = 3;

  private final boolean noSoftReset;
  private int at;
  private int state;

  PowerCapability(boolean noSoftReset) {
    this.noSoftReset = noSoftReset;
  }

  @Override
  public int id() {
    return 0x01;
  }

  @Override
  public int bytes() {
    return 8;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    config.define(at + 0x02, 2, 3); // version 3, neither D1 nor D2, no PME
    config.define(at + CONTROL_STATUS, 2, noSoftReset ? NO_SOFT_RESET : 0);
    config.writable(at + CONTROL_STATUS, 2, 0x3);
  }

  boolean isOff() {
    return state == D3_HOT;
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    if (!write.touches(at + CONTROL_STATUS, 1)) {
      return;
    }
    int register = config.read(at + CONTROL_STATUS, 2);
    int wanted = register & 3;
    if (wanted == 1 || wanted == 2) {
      // A state that is not supported: the write has no effect.
      config.put(at + CONTROL_STATUS, 2, (register & ~3) | state);
    } else if (wanted != state) {
      state = wanted;
      if (wanted == D3_HOT) {
        function.fellSilent();
      } else if (!noSoftReset) {
        function.resetItself();
      }
    }
  }

  @Override
  public void reset(ModelFunction function) {
    state = 0;
  }
}
