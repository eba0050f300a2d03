package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The regions that firmware reserves for the devices in one VM's domain, mapped 1:1 there. A page
 * stays mapped as long as one of the devices that are in needs it.
 *
 * <p>Not thread-safe: used under the VM's lock.
 */
final class ReservedMappings {
  /** Pages, whole, and what a device does there. */
  private record Piece(AddressRange range, Access access, String source) {}

  private final String vmName;
  private final Map<Rid, List<Piece>> devices = new LinkedHashMap<>();

  ReservedMappings(String vmName) {
    this.vmName = vmName;
  }

  /** Returns the last address that these regions need, or 0 if there are none. */
  static long lastOf(Collection<ReservedRegion> regions) {
    long last = 0;
    for (ReservedRegion region : regions) {
      long end = HostRanges.wholePages(region.range()).last();
      last = Long.compareUnsigned(end, last) > 0 ? end : last;
    }
    return last;
  }

  /**
   * Maps what a device needs and is not mapped yet; after a failure nothing more is mapped than
   * before.
   *
   * @param memory the VM's, none of which may be in a region
   * @param untranslated the ranges that no domain may map
   * @throws VmmException EINVAL if a region shares a page with guest memory, with a range that is
   *     not translated, or with the region of another device that does something else there, or if
   *     the domain does not reach it; else as {@link Domain#map}
   */
  void enter(
      Rid rid,
      Collection<ReservedRegion> regions,
      Domain domain,
      Collection<MemorySegment> memory,
      Collection<UntranslatedRange> untranslated) {
    if (regions.isEmpty()) {
      return;
    }
    List<Piece> pieces = pieces(regions);
    pieces.forEach(piece -> require(rid, piece, domain, memory, untranslated));
    List<Piece> mapped = new ArrayList<>();
    try {
      for (Piece piece : without(pieces, devices.values())) {
        AddressRange range = piece.range();
        Spi.run(
            "mapping the reserved region " + range + " of " + rid + " in domain " + domain.name(),
            () -> domain.map(range.start(), range.start(), range.lengthBytes(), piece.access()));
        mapped.add(piece);
      }
    } catch (VmmException e) {
      try {
        mapped.forEach(piece -> unmap(piece, domain));
      } catch (VmmException undoing) {
        e.addSuppressed(undoing);
      }
      throw e;
    }
    devices.put(rid, pieces);
  }

  /**
   * Unmaps what only this device needed. Does nothing for one that has no regions here.
   *
   * @throws VmmException EIO or ETIMEDOUT if a unit did not confirm it
   */
  void leave(Rid rid, Domain domain) {
    List<Piece> pieces = devices.remove(rid);
    if (pieces == null) {
      return;
    }
    Failures failures = new Failures();
    for (Piece piece : without(pieces, devices.values())) {
      failures.attempt(
          "unmapping the reserved region " + piece.range(), () -> unmap(piece, domain));
    }
    failures.throwFirst();
  }

  /** Forgets all: the domain is gone. */
  void clear() {
    devices.clear();
  }

  /** Refuses guest memory in a region that is mapped now (EINVAL). */
  void requireFree(AddressRange memory) {
    devices.forEach(
        (rid, pieces) -> {
          for (Piece piece : pieces) {
            if (piece.range().overlaps(memory)) {
              throw VmmException.invalid(
                  "cannot add memory at gpa %s to VM %s: firmware reserves %s (%s) for its device %s;"
                      + " use other guest addresses, or unassign the device",
                  memory, vmName, piece.range(), piece.source(), rid);
            }
          }
        });
  }

  private void require(
      Rid rid,
      Piece piece,
      Domain domain,
      Collection<MemorySegment> memory,
      Collection<UntranslatedRange> untranslated) {
    String who =
        String.format(
            "cannot assign %s to VM %s: the region %s that firmware reserves for it (%s)",
            rid, vmName, piece.range(), piece.source());
    for (MemorySegment segment : memory) {
      if (segment.gpaRange().overlaps(piece.range())) {
        throw VmmException.invalid(
            "%s overlaps guest memory %s; use other guest addresses", who, segment.gpaRange());
      }
    }
    for (UntranslatedRange range : untranslated) {
      if (range.range().overlaps(piece.range())) {
        throw VmmException.invalid(
            "%s overlaps %s: %s; the firmware's table is damaged: update the firmware",
            who, range.range(), range.reason());
      }
    }
    if (Long.compareUnsigned(piece.range().last(), domain.lastIova()) > 0) {
      throw VmmException.invalid(
          "%s is beyond the VM's domain, which reaches 0x%x; assign this device first, or update the"
              + " firmware if nothing is there",
          who, domain.lastIova());
    }
    devices.forEach(
        (other, pieces) -> {
          for (Piece held : pieces) {
            if (held.range().overlaps(piece.range()) && held.access() != piece.access()) {
              throw VmmException.invalid(
                  "%s is for %s, but %s of device %s (%s) is for %s; assign them to different VMs",
                  who, piece.access(), held.range(), other, held.source(), held.access());
            }
          }
        });
  }

  private static void unmap(Piece piece, Domain domain) {
    Spi.run(
        "unmapping the reserved region " + piece.range() + " in domain " + domain.name(),
        () -> domain.unmap(piece.range().start(), piece.range().lengthBytes()));
  }

  /** Cuts regions, which may overlap, into pieces that do not, with what any of them allows. */
  private static List<Piece> pieces(Collection<ReservedRegion> regions) {
    // By their last addresses: an end of 2^64 would be 0.
    TreeSet<Long> starts = new TreeSet<>(Long::compareUnsigned);
    for (ReservedRegion region : regions) {
      AddressRange range = HostRanges.wholePages(region.range());
      starts.add(range.start());
      if (range.end() != 0) {
        starts.add(range.end());
      }
    }
    List<Piece> pieces = new ArrayList<>();
    for (long start : starts) {
      Long next = starts.higher(start);
      List<ReservedRegion> here =
          regions.stream().filter(r -> HostRanges.wholePages(r.range()).contains(start)).toList();
      if (!here.isEmpty()) {
        // At the last start there is one only if it ends at 2^64.
        AddressRange range = AddressRange.between(start, next == null ? 0 : next);
        boolean reads = here.stream().anyMatch(r -> r.access().readable());
        boolean writes = here.stream().anyMatch(r -> r.access().writable());
        Access access = !writes ? Access.READ : reads ? Access.READ_WRITE : Access.WRITE;
        pieces.add(new Piece(range, access, here.get(0).source()));
      }
    }
    return pieces;
  }

  /** Returns what is left of {@code pieces} without the pages of the others. */
  private static List<Piece> without(List<Piece> pieces, Collection<List<Piece>> others) {
    List<Piece> left = pieces;
    for (List<Piece> list : others) {
      for (Piece other : list) {
        List<Piece> next = new ArrayList<>();
        left.forEach(piece -> cut(piece, other.range(), next));
        left = next;
      }
    }
    return left;
  }

  private static void cut(Piece piece, AddressRange hole, List<Piece> rest) {
    AddressRange range = piece.range();
    if (!range.overlaps(hole)) {
      rest.add(piece);
      return;
    }
    if (Long.compareUnsigned(range.start(), hole.start()) < 0) {
      rest.add(part(piece, AddressRange.between(range.start(), hole.start())));
    }
    if (Long.compareUnsigned(range.last(), hole.last()) > 0) {
      rest.add(part(piece, AddressRange.between(hole.end(), range.end())));
    }
  }

  private static Piece part(Piece piece, AddressRange range) {
    return new Piece(range, piece.access(), piece.source());
  }
}
