package dev.vmm.tck.example;

import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.pagetable.RadixPageTable;
import dev.vmm.iommu.pagetable.TableInvalidator;
import java.util.Optional;

/**
 * A page table with a domain id. The engine does the rest: {@link RadixPageTable} stores, splits,
 * merges and frees, and asks {@link TableInvalidator} to flush in between.
 */
final class ExampleDomain implements Domain, TableInvalidator {
  /** Not used by any domain: the book keeps it for units with CAP.CM. */
  static final int NO_ID = 0;

  final ExampleIommu iommu;
  final RadixPageTable table;

  /** Both under the lock of the I/O MMU. */
  int id = NO_ID;

  boolean closed;

  private final ExampleUnit unit;
  private final String name;

  ExampleDomain(ExampleIommu iommu, String name, int levels) {
    this.iommu = iommu;
    this.name = name;
    unit = iommu.unit;
    long reach = -1L >>> (64 - unit.caps.iovaBits());
    boolean coherent = unit.caps.coherent();
    table =
        new RadixPageTable(
            "domain " + name, iommu.format, levels, reach, iommu.memory, coherent, this);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long lastIova() {
    return table.lastIova();
  }

  @Override
  public void map(long iova, long hpa, long lengthBytes, Access access) {
    synchronized (iommu) {
      requireOpen();
      unit.requireUsable();
      table.map(iova, hpa, lengthBytes, access);
    }
  }

  @Override
  public boolean unmap(long iova, long lengthBytes) {
    synchronized (iommu) {
      requireOpen();
      return table.unmap(iova, lengthBytes);
    }
  }

  @Override
  public void mapped(long iova, long lengthBytes) {
    if (id != NO_ID) {
      unit.tellPresent(id);
    }
  }

  @Override
  public void unmapped(long iova, long lengthBytes, boolean linksChanged) {
    if (id != NO_ID) {
      unit.invalidateDomain(id); // More than was asked for, and never less.
    }
  }

  @Override
  public Optional<Translation> translate(long iova) {
    return table.translate(iova);
  }

  @Override
  public long tablePages() {
    return table.tablePages();
  }

  @Override
  public void close() {
    synchronized (iommu) {
      if (closed) {
        return;
      }
      iommu.requireEmpty(this);
      closed = true;
      boolean flushed = false;
      try {
        if (!iommu.closed && id != NO_ID) {
          unit.invalidateDomain(id);
        }
        flushed = true;
      } finally {
        table.close(flushed);
      }
      if (id != NO_ID) {
        iommu.ids.clear(id); // Not reached without the flush: nobody gets an id still cached.
      }
    }
  }

  private void requireOpen() {
    if (closed || iommu.closed) {
      throw VmmException.invalid(
          "domain %s or its I/O MMU is closed: expected no use after close", name);
    }
  }
}
