package dev.vmm.tck.example;

import dev.vmm.Errno;
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

  private final ExampleIommu iommu;
  private final ExampleUnit unit;
  private final String name;
  private final long lastIova;
  private final RadixPageTable table;
  private int id = NO_ID;
  private boolean closed;

  ExampleDomain(ExampleIommu iommu, String name, int levels) {
    this.iommu = iommu;
    this.name = name;
    unit = iommu.unit();
    table = new RadixPageTable(iommu.format(), levels, iommu.memory(), unit.coherent(), this);
    long reach = -1L >>> (64 - unit.iovaBits());
    lastIova = Math.min(table.lastIova(), reach);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long lastIova() {
    return lastIova;
  }

  @Override
  public void map(long iova, long hpa, long lengthBytes, Access access) {
    synchronized (iommu) {
      requireOpen();
      unit.requireUsable();
      requireReach(iova, lengthBytes);
      table.map(iova, hpa, lengthBytes, access);
    }
  }

  @Override
  public boolean unmap(long iova, long lengthBytes) {
    synchronized (iommu) {
      requireOpen();
      requireReach(iova, lengthBytes);
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
      if (!iommu.closed()) {
        iommu.requireEmpty(this);
      }
      closed = true;
      boolean flushed = false;
      try {
        if (!iommu.closed() && id != NO_ID) {
          unit.invalidateDomain(id);
        }
        flushed = true;
      } finally {
        table.close(flushed);
      }
      iommu.release(id); // Not reached without the flush: nobody gets an id that is still cached.
    }
  }

  // Under the lock.

  ExampleIommu iommu() {
    return iommu;
  }

  boolean closed() {
    return closed;
  }

  long rootHpa() {
    return table.rootHpa();
  }

  int levels() {
    return table.levels();
  }

  int id() {
    return id;
  }

  void setId(int newId) {
    id = newId;
  }

  private void requireOpen() {
    iommu.requireOpen();
    if (closed) {
      throw VmmException.invalid("domain %s is closed: expected no use after close", name);
    }
  }

  private void requireReach(long iova, long lengthBytes) {
    if (lengthBytes != 0 && Long.compareUnsigned(iova + lengthBytes - 1, lastIova) > 0) {
      throw new VmmException(
          Errno.EINVAL,
          String.format(
              "0x%x bytes at iova 0x%x do not fit domain %s: expected iovas up to 0x%x",
              lengthBytes, iova, name, lastIova));
    }
  }
}
