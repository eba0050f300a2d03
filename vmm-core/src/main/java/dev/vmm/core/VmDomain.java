package dev.vmm.core;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.ReservedRegion;
import dev.vmm.iommu.UntranslatedRange;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The domain of one VM: there from its first device to its last, and over all its memory.
 *
 * <p>Not thread-safe: used under the VM's lock.
 */
final class VmDomain {
  private static final Logger LOG = LoggerFactory.getLogger(VmDomain.class);

  private final String vmName;
  private final LazyIommu iommu;
  private final GuestMemory memory;
  private final ReservedMappings reserved;

  /** What no domain may map; known as long as there is a domain. */
  private List<UntranslatedRange> untranslated = List.of();

  private @Nullable Domain domain;

  VmDomain(String vmName, LazyIommu iommu, GuestMemory memory) {
    this.vmName = vmName;
    this.iommu = iommu;
    this.memory = memory;
    this.reserved = new ReservedMappings(vmName);
  }

  Optional<Domain> get() {
    return Optional.ofNullable(domain);
  }

  /**
   * Creates the domain and maps all memory in it; after a failure there is none.
   *
   * @param lastAddress the last that its first device needs beside the memory; not reached if that
   *     is beyond the units
   * @throws VmmException EINVAL if memory is where units do not translate
   */
  Domain create(long lastAddress) {
    List<UntranslatedRange> ranges = iommu.untranslatedRanges();
    for (MemorySegment segment : memory.all()) {
      requireTranslated(segment.gpaRange(), ranges);
    }
    Domain created = iommu.createDomain("vm:" + vmName, memory.lastGpa(), lastAddress);
    iommu.faults().owners().opened(created, vmName);
    try {
      memory.all().forEach(segment -> map(created, segment));
    } catch (VmmException e) {
      // No device was ever in it: a failure to close it endangers no memory.
      try {
        iommu.closeDomain(created);
      } catch (VmmException closing) {
        e.addSuppressed(closing);
      } finally {
        iommu.faults().owners().closed(created);
      }
      throw e;
    }
    domain = created;
    untranslated = ranges;
    return created;
  }

  /** Maps what firmware reserves for a device that is about to move in; all or nothing. */
  void reserve(Rid rid, Collection<ReservedRegion> regions) {
    Domain present = domain;
    if (present != null) {
      reserved.enter(rid, regions, present, memory.all(), untranslated);
    }
  }

  /** Unmaps what firmware reserves for a device that has left, and for no other that is here. */
  void unreserve(Rid rid) {
    Domain present = domain;
    if (present != null) {
      reserved.leave(rid, present);
    }
  }

  /**
   * Closes the domain, if there is one. If that fails the memory that is there now is kept for
   * good: a device may still reach it.
   */
  void close() {
    Domain last = domain;
    domain = null;
    reserved.clear();
    if (last == null) {
      return;
    }
    try {
      iommu.closeDomain(last);
    } catch (VmmException e) {
      memory.markAllReachable();
      LOG.error("domain {} could not be closed: the memory in it is kept for good", last.name(), e);
      throw e;
    } finally {
      iommu.faults().owners().closed(last);
    }
  }

  /** Blocks {@code rid} if it is still in the domain, though its device has left. */
  void expel(Rid rid) {
    Domain left = domain;
    if (left != null) {
      iommu.expel(rid, left);
    }
  }

  /** Refuses memory that the devices could not reach, or that is not memory for them (EINVAL). */
  void requireReach(long gpa, long lengthBytes) {
    Domain present = domain;
    if (present == null) {
      return;
    }
    AddressRange range = new AddressRange(gpa, lengthBytes);
    requireTranslated(range, untranslated);
    reserved.requireFree(range);
    long last = range.last();
    if (Long.compareUnsigned(last, present.lastIova()) > 0) {
      throw VmmException.invalid(
          "cannot add gpa 0x%x-0x%x to VM %s: its domain, made for the devices assigned to it,"
              + " reaches 0x%x; add the memory before the first device",
          gpa, last, vmName, present.lastIova());
    }
  }

  private void requireTranslated(AddressRange memory, List<UntranslatedRange> ranges) {
    for (UntranslatedRange each : ranges) {
      if (each.range().overlaps(memory)) {
        throw VmmException.invalid(
            "memory at gpa %s of VM %s cannot be its devices': the I/O MMU does not translate %s, %s;"
                + " use other guest addresses",
            memory, vmName, each.range(), each.reason());
      }
    }
  }

  /** Maps a new segment for the devices, if there are any. */
  void map(MemorySegment segment) {
    Domain present = domain;
    if (present != null) {
      map(present, segment);
    }
  }

  /** Unmaps and flushes a segment for the devices, if there are any. */
  void unmap(MemorySegment segment) {
    Domain present = domain;
    if (present != null) {
      // Before it is done: a fault of it may be told at once.
      iommu.faults().unmapped(present, segment.gpa(), segment.lengthBytes());
      Spi.run(
          "unmapping " + segment + " in domain " + present.name(),
          () -> present.unmap(segment.gpa(), segment.lengthBytes()));
    }
  }

  private static void map(Domain domain, MemorySegment segment) {
    Spi.run(
        "mapping " + segment + " in domain " + domain.name(),
        () -> domain.map(segment.gpa(), segment.hpa(), segment.lengthBytes(), segment.access()));
  }
}
