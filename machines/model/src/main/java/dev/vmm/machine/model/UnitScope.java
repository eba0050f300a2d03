package dev.vmm.machine.model;

import dev.vmm.machine.model.acpi.DeviceScope;
import java.util.List;

/**
 * Which functions are behind a unit. Immutable and thread-safe.
 *
 * @param segment the segment that the unit serves
 * @param includeAll whether it serves all that no other unit of the segment names
 * @param devices what it names: functions, and bridges with all that is behind them
 */
public record UnitScope(int segment, boolean includeAll, List<DeviceScope> devices) {
  /** Copies the list. */
  public UnitScope {
    devices = List.copyOf(devices);
  }

  /** Takes all of a segment that no other unit names. */
  public static UnitScope all(int segment) {
    return new UnitScope(segment, true, List.of());
  }

  /** Takes what these scopes name, and no more. */
  public static UnitScope of(int segment, DeviceScope... devices) {
    return new UnitScope(segment, false, List.of(devices));
  }
}
