package dev.vmm.core;

import dev.vmm.pci.Rid;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Counts the faults of each device, and meters how many are told. Memory is bounded: devices that
 * nobody knows share one record, and so do those beyond {@link #MOST}.
 *
 * <p>Not thread-safe: used under the fault pipeline's lock.
 */
final class FaultCounters {
  /** The most devices that are counted apart. */
  static final int MOST = 4096;

  private static final long SECOND = 1_000_000_000L;

  /** One device, or all unknown ones. */
  static final class Count {
    private final RateMeter meter;
    private long faults;
    private long suppressed;
    private long untold;
    private long stops;

    /** Reports of it that wait to be told. */
    int waiting;

    private Count(long ratePerSecond) {
      meter = new RateMeter(ratePerSecond, SECOND);
    }

    /** Counts a fault; returns whether it is to be told. */
    boolean fault(long now) {
      faults++;
      return meter.allows(now);
    }

    /** Counts a fault as not told. */
    void suppress() {
      suppressed++;
      untold++;
    }

    void stopped() {
      stops++;
    }

    /** Returns how many were not told since the last that was, and begins anew. */
    long takeUntold() {
      long taken = untold;
      untold = 0;
      return taken;
    }

    private FaultCount snapshot() {
      return new FaultCount(faults, suppressed, stops);
    }
  }

  private final long ratePerSecond;
  private final Map<Rid, Count> devices = new HashMap<>();
  private final Count unknown;

  /** {@code ratePerSecond} is how many faults of one device are told; 0 for all. */
  FaultCounters(long ratePerSecond) {
    this.ratePerSecond = ratePerSecond;
    unknown = new Count(ratePerSecond);
  }

  Count of(Optional<Rid> device) {
    if (device.isEmpty()) {
      return unknown;
    }
    Rid rid = device.get();
    Count count = devices.get(rid);
    if (count == null) {
      if (devices.size() >= MOST) {
        return unknown;
      }
      count = new Count(ratePerSecond);
      devices.put(rid, count);
    }
    return count;
  }

  /** Returns the faults of one device; 0 if it made none, or has no record of its own. */
  long faultsOf(Rid device) {
    Count count = devices.get(device);
    return count == null ? 0 : count.faults;
  }

  FaultStatistics snapshot(long overflows) {
    Map<Rid, FaultCount> counts = new HashMap<>();
    devices.forEach((rid, count) -> counts.put(rid, count.snapshot()));
    return new FaultStatistics(counts, unknown.snapshot(), overflows);
  }
}
