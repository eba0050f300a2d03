package dev.vmm.machine.model;

import dev.vmm.machine.model.acpi.DeviceScope;
import dev.vmm.machine.model.device.DeviceTimer;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.device.RogueDevice;
import dev.vmm.machine.model.pci.BridgeSpec;
import dev.vmm.machine.model.pci.BusBuilder;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** The devices of a machine that was not told otherwise: those of the QEMU machines, and where. */
final class DefaultDevices {
  /** So many units can share the devices of segment 0. */
  static final int MAX_UNITS = 4;

  private static final int VFS = 2;

  private DefaultDevices() {}

  /** Puts the devices on the root bus of a segment. */
  static void fill(BusBuilder bus, int segment, ModelMachineBuilder plan) {
    DeviceTimer timer = plan.timer;
    long eduDelayNanos = plan.eduDelayNanos;
    bus.add(0, FunctionSpec.hostBridge());
    bus.add(2, EduDevice.function(timer, eduDelayNanos));
    if (segment > 0) {
      return;
    }
    bus.bridge(
        3,
        BridgeSpec.rootPort().acs(true),
        behind -> behind.add(0, EduDevice.physicalFunction(VFS, timer, eduDelayNanos)));
    bus.bridge(
        4,
        BridgeSpec.rootPort().acs(true),
        port ->
            port.bridge(
                0,
                BridgeSpec.expressToPci(),
                behind -> behind.add(1, EduDevice.function(timer, eduDelayNanos))));
    if (plan.rogue) {
      bus.add(5, RogueDevice.function(timer));
    }
    if (plan.aliases) {
      bus.add(6, EduDevice.function(timer, eduDelayNanos).carries(1));
    }
    bus.add(31, FunctionSpec.isaBridge());
    bus.add(31, 2, FunctionSpec.sataController());
  }

  /** Returns what can be plugged in while the machine runs, by name. */
  static Map<String, Supplier<FunctionSpec>> pluggable(ModelMachineBuilder plan) {
    Map<String, Supplier<FunctionSpec>> kinds = new LinkedHashMap<>();
    kinds.put("edu", () -> EduDevice.function(plan.timer, plan.eduDelayNanos));
    kinds.put(
        "nic",
        () ->
            FunctionSpec.of(0x8086, 0x10d3, 0x020000)
                .memory32(0, 0x2_0000)
                .flr()
                .msix(5, 0, 0x1_0000, 0x1_1000));
    kinds.put("rogue", () -> RogueDevice.function(plan.timer));
    kinds.put("sata", FunctionSpec::sataController);
    return Collections.unmodifiableMap(kinds);
  }

  /**
   * Returns what each of several units serves: the first ones a device each, as a graphics device
   * has a unit of its own on many machines, and the last one all the rest.
   */
  static List<UnitScope> scopes(int units, int segments) {
    List<DeviceScope> own =
        List.of(
            DeviceScope.endpoint(new Rid(0, 0, 2, 0)),
            DeviceScope.subHierarchy(0, new Rid(0, 0, 3, 0).devfn()),
            DeviceScope.subHierarchy(0, new Rid(0, 0, 4, 0).devfn()));
    List<UnitScope> scopes = new ArrayList<>();
    for (int unit = 0; unit < units - 1; unit++) {
      scopes.add(UnitScope.of(0, own.get(unit)));
    }
    for (int segment = 0; segment < segments; segment++) {
      scopes.add(UnitScope.all(segment));
    }
    return scopes;
  }
}
