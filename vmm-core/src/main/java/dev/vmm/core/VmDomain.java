package dev.vmm.core;

import dev.vmm.VmmException;
import dev.vmm.iommu.Domain;
import dev.vmm.pci.Rid;
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
  private @Nullable Domain domain;

  VmDomain(String vmName, LazyIommu iommu, GuestMemory memory) {
    this.vmName = vmName;
    this.iommu = iommu;
    this.memory = memory;
  }

  Optional<Domain> get() {
    return Optional.ofNullable(domain);
  }

  /** Creates the domain and maps all memory in it; after a failure there is none. */
  Domain create() {
    Domain created = iommu.createDomain("vm:" + vmName, memory.lastGpa());
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
    return created;
  }

  /**
   * Closes the domain, if there is one. If that fails the memory that is there now is kept for
   * good: a device may still reach it.
   */
  void close() {
    Domain last = domain;
    domain = null;
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

  /** Refuses memory that the devices could not reach (EINVAL). */
  void requireReach(long gpa, long lengthBytes) {
    Domain present = domain;
    long last = gpa + lengthBytes - 1;
    if (present != null && Long.compareUnsigned(last, present.lastIova()) > 0) {
      throw VmmException.invalid(
          "cannot add gpa 0x%x-0x%x to VM %s: its domain, made for the devices assigned to it,"
              + " reaches 0x%x; add the memory before the first device",
          gpa, last, vmName, present.lastIova());
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
