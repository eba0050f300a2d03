package dev.vmm.core;

import dev.vmm.pci.Rid;
import java.util.Map;

/**
 * What was counted of all faults since the platform was opened.
 *
 * @param devices by device; only those that had a fault
 * @param unknown all requester ids together that no function is known for, or for which there was
 *     no room
 * @param overflows how many times a unit had lost faults when it was asked for them
 */
public record FaultStatistics(Map<Rid, FaultCount> devices, FaultCount unknown, long overflows) {
  /** Copies the map. */
  public FaultStatistics {
    devices = Map.copyOf(devices);
  }

  /** Returns what was counted of one device; zeros if it had no fault. */
  public FaultCount of(Rid device) {
    FaultCount count = devices.get(device);
    return count == null ? new FaultCount(0, 0, 0) : count;
  }

  /** Returns the faults of all. */
  public long faults() {
    return unknown.faults() + devices.values().stream().mapToLong(FaultCount::faults).sum();
  }

  /** Returns the faults of all that were not told. */
  public long suppressed() {
    return unknown.suppressed() + devices.values().stream().mapToLong(FaultCount::suppressed).sum();
  }
}
