package dev.vmm.machine.model.pci;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Lays out a function's config space: the header and the two lists of capabilities.
 *
 * <p>Source: PCI Express Base 5.0, "PCI-Compatible Configuration Registers", "Type 1 Configuration
 * Space Header", "VF Configuration Space".
 */
final class Header {
  static final int BAR0 = 0x10;
  static final int TYPE = 0x0e;
  static final int MULTI_FUNCTION = 0x80;

  private static final int COMMAND_BITS = 0x0547;
  private static final int STATUS_CAPABILITIES = 1 << 4;
  private static final int FIRST_CAPABILITY = 0x40;
  private static final int FIRST_EXTENDED = 0x100;
  private static final int SERIAL_NUMBER = 0x0003;

  private Header() {}

  /** Lays it out and returns the capabilities, now at their places. */
  static List<Capability> install(
      ConfigBytes config,
      FunctionSpec spec,
      boolean rootBus,
      boolean virtual,
      @Nullable BridgeSpec bridge) {
    config.define(0x00, 2, virtual ? 0xffff : spec.vendorId());
    config.define(0x02, 2, virtual ? 0xffff : spec.deviceId());
    config.define(0x08, 4, spec.classCode() << 8);
    config.writable(0x04, 2, virtual ? 1 << 2 : COMMAND_BITS);
    config.clearable(0x06, 2, 0xf900);
    if (bridge != null) {
      bridgeHeader(config);
    } else if (!virtual) {
      config.writable(0x0c, 1, 0xff);
      config.writable(0x3c, 1, 0xff);
      config.define(0x3d, 1, 1); // INTA
      config.define(0x2c, 2, 0x1af4);
      config.define(0x2e, 2, 0x1100);
      spec.bars().forEach(bar -> bar.install(config, BAR0));
    }
    return capabilities(config, spec, rootBus, bridge);
  }

  private static void bridgeHeader(ConfigBytes config) {
    config.define(TYPE, 1, 1);
    config.writable(0x0c, 1, 0xff);
    config.writable(0x18, 4, 0x00ffffff); // primary, secondary, subordinate bus
    config.clearable(0x1e, 2, 0xf900);
    config.writable(0x20, 4, 0xfff0fff0); // memory base and limit
    config.define(0x24, 4, 0x00010001); // prefetchable base and limit, 64 bits
    config.writable(0x24, 4, 0xfff0fff0);
    config.writable(0x28, 4, -1);
    config.writable(0x2c, 4, -1);
    config.writable(0x3c, 1, 0xff);
    config.writable(0x3e, 2, 0x0043);
  }

  private static List<Capability> capabilities(
      ConfigBytes config, FunctionSpec spec, boolean rootBus, @Nullable BridgeSpec bridge) {
    List<Capability> all = new ArrayList<>();
    if (bridge != null && bridge.kind().expressType >= 0) {
      all.add(new ExpressCapability(bridge.kind().expressType, false, 0));
    }
    all.addAll(spec.makeCapabilities(rootBus));
    int at = FIRST_CAPABILITY;
    int link = 0x34;
    for (Capability capability : all) {
      config.define(link, 1, at);
      config.define(0x06, 2, STATUS_CAPABILITIES);
      config.define(at, 1, capability.id());
      capability.install(config, at);
      link = at + 1;
      at = (at + capability.bytes() + 3) & ~3;
      if (at > FIRST_EXTENDED) {
        throw new IllegalArgumentException("no room for all capabilities below 0x100");
      }
    }
    extended(config, spec, bridge, all);
    return all;
  }

  private static void extended(
      ConfigBytes config, FunctionSpec spec, @Nullable BridgeSpec bridge, List<Capability> all) {
    AccessControl acs = bridge == null ? spec.makeAccessControl() : bridge.makeAccessControl();
    Sriov sriov = spec.makeSriov();
    int next = sriov == null ? 0 : sriov.spec().offset();
    if (acs != null) {
      header(config, FIRST_EXTENDED, acs.id(), next);
      acs.install(config, FIRST_EXTENDED);
      all.add(acs);
    } else if (sriov != null) {
      header(config, FIRST_EXTENDED, SERIAL_NUMBER, next);
      config.define(FIRST_EXTENDED + 4, 4, spec.deviceId() << 16 | spec.vendorId());
      config.define(FIRST_EXTENDED + 8, 4, 0x00564d4d);
    }
    if (sriov != null) {
      header(config, next, sriov.id(), 0);
      sriov.install(config, next);
      all.add(sriov);
    }
  }

  private static void header(ConfigBytes config, int at, int id, int next) {
    config.define(at, 4, next << 20 | 1 << 16 | id);
  }
}
