package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.machine.PhysicalMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory of one VM: its segments, which of them were taken from the machine, and which a device
 * may still reach so that they must never be given back.
 *
 * <p>Not thread-safe: used under the VM's lock.
 */
final class GuestMemory {
  private static final class Held {
    final MemorySegment segment;
    final boolean taken;
    final GuestAddressMap.Slot slot;
    boolean reachable;

    Held(MemorySegment segment, boolean taken) {
      this.segment = segment;
      this.taken = taken;
      slot = GuestAddressMap.Slot.of(segment);
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(GuestMemory.class);
  private static final long PAGE = PhysicalMemory.PAGE_BYTES;

  /** A page of a second-level table: memory aligned to it can be mapped with large pages. */
  private static final long LARGE_PAGE = 1L << 21;

  private final String vmName;
  private final PhysicalMemory ram;
  private final GuestAddressMap map;
  private final TreeMap<Long, Held> segments = new TreeMap<>(Long::compareUnsigned);

  GuestMemory(String vmName, PhysicalMemory ram, GuestAddressMap map) {
    this.vmName = vmName;
    this.ram = ram;
    this.map = map;
  }

  /** Checks all that can be said of a new segment before anything changes (EINVAL). */
  void check(long gpa, long lengthBytes, Access access) {
    if (((gpa | lengthBytes) & (PAGE - 1)) != 0 || lengthBytes <= 0) {
      throw VmmException.invalid(
          "cannot add 0x%x bytes at gpa 0x%x to VM %s: expected positive multiples of 0x%x",
          lengthBytes, gpa, vmName, PAGE);
    }
    if (!access.readable()) {
      throw VmmException.invalid(
          "cannot add memory with access %s at gpa 0x%x to VM %s: expected r- or rw",
          access, gpa, vmName);
    }
    map.requireFree(new AddressRange(gpa, lengthBytes));
  }

  /** Checks that the host range of a caller's segment is RAM (EINVAL). */
  void checkHost(MemorySegment segment) {
    if ((segment.hpa() & (PAGE - 1)) != 0) {
      throw VmmException.invalid(
          "cannot add memory at hpa 0x%x to VM %s: expected a multiple of 0x%x",
          segment.hpa(), vmName, PAGE);
    }
    AddressRange range = new AddressRange(segment.hpa(), segment.lengthBytes());
    if (ram.ram().stream().noneMatch(each -> each.contains(range))) {
      throw VmmException.invalid(
          "cannot add hpa %s to VM %s: expected a range inside one of the machine's RAM ranges %s",
          range, vmName, ram.ram());
    }
  }

  /** Takes zeroed memory, aligned for large pages if it is long enough and such memory is free. */
  long allocate(long lengthBytes) {
    if (lengthBytes >= LARGE_PAGE) {
      try {
        return ram.allocate(lengthBytes, LARGE_PAGE);
      } catch (VmmException e) {
        if (e.errno() != Errno.ENOMEM) {
          throw e;
        }
        LOG.debug("no aligned run for VM {}: {}", vmName, e.getMessage());
      }
    }
    return ram.allocate(lengthBytes, PAGE);
  }

  /** Gives memory back that never became a segment. */
  void giveBack(long hpa, long lengthBytes) {
    ram.free(hpa, lengthBytes);
  }

  void add(MemorySegment segment, boolean taken) {
    Held held = new Held(segment, taken);
    segments.put(segment.gpa(), held);
    map.add(held.slot);
  }

  /** Returns the segment that begins at {@code gpa}; ENOENT if none does. */
  MemorySegment at(long gpa) {
    Held held = segments.get(gpa);
    if (held == null) {
      throw new VmmException(
          Errno.ENOENT,
          String.format(
              "no memory of VM %s begins at gpa 0x%x: expected one of %s", vmName, gpa, all()));
    }
    return held.segment;
  }

  /**
   * Takes a segment out of the guest's sight and frees it if it was taken from the machine.
   *
   * @return false if it was kept, because a device may still reach it
   */
  boolean remove(MemorySegment segment) {
    Held held = segments.remove(segment.gpa());
    if (held == null) {
      return true;
    }
    map.remove(held.slot);
    return free(held);
  }

  /** Records that a device may reach this segment for ever. */
  void markReachable(MemorySegment segment) {
    Held held = segments.get(segment.gpa());
    if (held != null) {
      held.reachable = true;
    }
  }

  /** Records that a device may reach everything that is here now for ever. */
  void markAllReachable() {
    segments.values().forEach(held -> held.reachable = true);
  }

  List<MemorySegment> all() {
    return segments.values().stream().map(held -> held.segment).toList();
  }

  /** Returns the last gpa that is memory, or 0 without any. */
  long lastGpa() {
    return segments.isEmpty() ? 0 : segments.lastEntry().getValue().segment.gpaRange().last();
  }

  /** Ends the guest's access, then frees what may be freed. */
  void close(Failures failures) {
    map.close();
    List<Held> last = new ArrayList<>(segments.values());
    segments.clear();
    for (Held held : last) {
      failures.attempt("freeing memory of VM " + vmName, () -> free(held));
    }
  }

  private boolean free(Held held) {
    if (held.reachable) {
      LOG.error(
          "memory {} of VM {} is kept for good: a device may still reach it", held.segment, vmName);
      return false;
    }
    if (held.taken) {
      ram.free(held.segment.hpa(), held.segment.lengthBytes());
    }
    return true;
  }
}
