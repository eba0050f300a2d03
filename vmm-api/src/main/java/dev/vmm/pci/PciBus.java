package dev.vmm.pci;

import java.util.List;
import java.util.Optional;

/**
 * Access to the config space of every function of a machine.
 *
 * <p>Implementations give the raw access; the finding of functions is shared. Thread-safe.
 */
public interface PciBus {
  /**
   * The buses of one segment that config space reaches.
   *
   * @param segment the segment group
   * @param firstBus the first bus, 0 to 255
   * @param lastBus the last bus, inclusive
   * @param rootBuses the buses that no bridge leads to, ascending; at least one
   */
  record Segment(int segment, int firstBus, int lastBus, List<Integer> rootBuses) {
    /** Copies the list. */
    public Segment {
      rootBuses = List.copyOf(rootBuses);
    }
  }

  /** Returns the segments, ascending. */
  List<Segment> segments();

  /**
   * Reads config space.
   *
   * @param offset in bytes, 0 to 4095, a multiple of {@code widthBytes}
   * @param widthBytes 1, 2 or 4
   * @return the value, unsigned; all ones where no function answers
   */
  int read(Rid rid, int offset, int widthBytes);

  /** Writes config space; a write to a function that is not there has no effect. */
  void write(Rid rid, int offset, int widthBytes, int value);

  /**
   * Returns every function that is there now, VFs included, ordered by requester id. Asks the
   * hardware each time.
   */
  default List<PciFunction> functions() {
    return new PciScan(this).functions();
  }

  /** Returns the function with this requester id, if it is there now. */
  default Optional<PciFunction> function(Rid rid) {
    return functions().stream().filter(function -> function.rid().equals(rid)).findFirst();
  }

  /** Returns the config space of a function, whether it is there or not. */
  default ConfigSpace config(Rid rid) {
    return new ConfigSpace(this, rid);
  }
}
