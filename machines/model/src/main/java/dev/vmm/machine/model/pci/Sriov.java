package dev.vmm.machine.model.pci;

import java.util.ArrayList;
import java.util.List;

/**
 * SR-IOV Extended Capability of a PF.
 *
 * <p>Source: PCI Express Base 5.0, "SR-IOV Extended Capability".
 */
final class Sriov implements Capability {
  static final int VF_BAR0 = 0x24;

  private static final int CONTROL = 0x08;
  private static final int NUM_VFS = 0x10;
  private static final int VF_ENABLE = 1;
  private static final int VF_MSE = 1 << 3;

  private final SriovSpec spec;
  private int at;
  private boolean enabled;
  private List<ModelFunction> virtual = new ArrayList<>();

  Sriov(SriovSpec spec) {
    this.spec = spec;
  }

  @Override
  public int id() {
    return 0x0010;
  }

  @Override
  public int bytes() {
    return 0x40;
  }

  @Override
  public void install(ConfigBytes config, int offset) {
    at = offset;
    config.writable(at + CONTROL, 2, VF_ENABLE | VF_MSE);
    config.define(at + 0x0c, 2, spec.totalVfs()); // InitialVFs
    config.define(at + 0x0e, 2, spec.totalVfs());
    config.writable(at + NUM_VFS, 2, 0xffff);
    config.define(at + 0x14, 2, spec.firstOffset());
    config.define(at + 0x16, 2, spec.stride());
    config.define(at + 0x1a, 2, spec.function().deviceId());
    config.define(at + 0x1c, 4, 0x553); // page sizes that every device supports
    config.define(at + 0x20, 4, 1); // System Page Size: 4 KiB
    config.writable(at + 0x20, 4, 0x553);
    for (BarSpec bar : spec.function().bars()) {
      bar.install(config, at + VF_BAR0);
    }
  }

  SriovSpec spec() {
    return spec;
  }

  int offset() {
    return at;
  }

  /** Returns the VFs that exist now. */
  List<ModelFunction> virtual() {
    return virtual;
  }

  boolean decodes(ConfigBytes config) {
    int control = config.read(at + CONTROL, 2);
    return (control & VF_ENABLE) != 0 && (control & VF_MSE) != 0;
  }

  @Override
  public void written(ModelFunction function, ConfigBytes config, ConfigWrite write) {
    if (enabled && write.touches(at + NUM_VFS, 2)) {
      config.put(at + NUM_VFS, 2, virtual.size()); // may not change while VFs exist
    }
    boolean wanted = (config.read(at + CONTROL, 2) & VF_ENABLE) != 0;
    if (wanted == enabled) {
      return;
    }
    enabled = wanted;
    if (!wanted) {
      vanish();
      return;
    }
    int count = Math.min(config.read(at + NUM_VFS, 2), spec.totalVfs());
    List<ModelFunction> made = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      made.add(function.makeVirtual(spec.function(), i));
    }
    virtual = made;
  }

  private void vanish() {
    virtual.forEach(ModelFunction::vanish);
    virtual = new ArrayList<>();
  }

  @Override
  public void reset(ModelFunction function) {
    enabled = false;
    vanish();
  }
}
