package dev.vmm.iommu.support;

import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Translation;
import dev.vmm.iommu.WalkStep;
import dev.vmm.iommu.pagetable.RadixPageTable;
import dev.vmm.iommu.pagetable.TableInvalidator;
import dev.vmm.machine.PhysicalMemory;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A page table, and the units that use it under a domain id of each. */
final class UnitsDomain implements Domain, TableInvalidator {
  private static final Attachment[] NONE = {};

  private final UnitsIommu iommu;
  private final String name;
  private final TableShape shape;
  private final boolean needsPublishing;
  private final boolean home;
  private final boolean forwardsInterrupts;
  private final RadixPageTable table;

  /** Replaced as a whole under the I/O MMU's lock; read without it. */
  private volatile Attachment[] attachments = NONE;

  /** The domain ids of a home, which it keeps until it closes; under the I/O MMU's lock. */
  private final Map<RemappingUnit, Integer> reserved = new LinkedHashMap<>();

  /** Set under the I/O MMU's lock. */
  private volatile boolean closed;

  /**
   * Makes an empty domain.
   *
   * @param facts what the units agree on
   * @param shape the levels of its table and the bits of an iova, of the same units
   */
  UnitsDomain(
      UnitsIommu iommu,
      DomainSpec spec,
      CommonFacts facts,
      TableShape shape,
      PhysicalMemory memory) {
    this.iommu = iommu;
    this.name = spec.name();
    this.home = spec.home();
    this.forwardsInterrupts = spec.forwardsInterrupts();
    this.shape = shape;
    this.needsPublishing = facts.needsPublishing();
    this.table =
        new RadixPageTable(
            "domain " + name,
            facts.format(),
            shape.levels(),
            shape.lastIova(),
            memory,
            facts.coherent(),
            this);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public long lastIova() {
    return shape.lastIova();
  }

  @Override
  public void map(long iova, long hpa, long lengthBytes, Access access) {
    checkOpen(iova);
    table.map(iova, hpa, lengthBytes, access);
  }

  @Override
  public boolean unmap(long iova, long lengthBytes) {
    checkOpen(iova);
    return table.unmap(iova, lengthBytes);
  }

  @Override
  public Optional<Translation> translate(long iova) {
    return table.translate(iova);
  }

  @Override
  public Optional<WalkStep> whereItFails(long iova, Access access) {
    return closed ? Optional.empty() : table.whereItFails(iova, access);
  }

  @Override
  public long tablePages() {
    return table.tablePages();
  }

  @Override
  public void close() {
    iommu.close(this);
  }

  @Override
  public void mapped(long iova, long lengthBytes) {
    if (needsPublishing) {
      // As in unmapped: a unit attached after this look must not have remembered the empty entries.
      VarHandle.fullFence();
    }
    for (Attachment attachment : attachments) {
      attachment.unit.published(attachment.domainId, iova, lengthBytes);
    }
  }

  /** Tells every unit even if one fails, so that as few as possible know the old entries. */
  @Override
  public void unmapped(long iova, long lengthBytes, boolean linksChanged) {
    // The entries' stores come before the look at who uses the table: a unit that is attached
    // after this look cannot have read the old entries.
    VarHandle.fullFence();
    VmmException first = null; // not AllTried: an unmap allocates nothing
    for (Attachment attachment : attachments) {
      try {
        attachment.unit.flush(attachment.domainId, iova, lengthBytes, !linksChanged);
      } catch (VmmException e) {
        if (first == null) {
          first = e;
        } else if (first != e) {
          first.addSuppressed(e);
        }
      }
    }
    if (first != null) {
      throw first;
    }
  }

  private void checkOpen(long iova) {
    if (closed || iommu.closed()) {
      throw VmmException.invalid(
          "domain %s cannot be changed at 0x%x: expected it to be open; it was closed, or its I/O MMU was: create a new"
              + " one",
          name, iova);
    }
  }

  boolean home() {
    return home;
  }

  boolean forwardsInterrupts() {
    return forwardsInterrupts;
  }

  RadixPageTable table() {
    return table;
  }

  TableShape shape() {
    return shape;
  }

  UnitsIommu iommu() {
    return iommu;
  }

  boolean isClosed() {
    return closed;
  }

  /** Marks it closed; under the I/O MMU's lock. */
  void markClosed() {
    closed = true;
  }

  Attachment[] attachments() {
    return attachments;
  }

  /** Returns the attachment to a unit, if there is one; under the I/O MMU's lock. */
  @Nullable Attachment attachmentTo(RemappingUnit unit) {
    for (Attachment attachment : attachments) {
      if (attachment.unit == unit) {
        return attachment;
      }
    }
    return null;
  }

  /**
   * Takes a domain id of each of these units that can walk the tables, so that a move to here never
   * fails for want of one; all or none. Under the I/O MMU's lock.
   *
   * @throws VmmException ENOSPC
   */
  void reserve(List<RemappingUnit> units) {
    try {
      for (RemappingUnit unit : units) {
        if (shape.fits(unit)) {
          reserved.put(unit, unit.allocateDomainId());
        }
      }
    } catch (RuntimeException e) {
      reserved.forEach(RemappingUnit::freeDomainId);
      reserved.clear();
      throw e;
    }
  }

  /** Returns the domain id that is set aside on a unit, or a new one; under the same lock. */
  int takeId(RemappingUnit unit) {
    Integer id = reserved.get(unit);
    return id != null ? id : unit.allocateDomainId();
  }

  /** Ends an attachment of which the unit has forgotten everything; under the same lock. */
  void release(Attachment attachment) {
    detach(attachment);
    if (!reserved.containsKey(attachment.unit)) {
      attachment.unit.freeDomainId(attachment.domainId);
    }
  }

  /** Gives the ids of a home back, when no unit knows any of them; under the same lock. */
  void releaseReserved() {
    reserved.forEach(RemappingUnit::freeDomainId);
    reserved.clear();
  }

  /** Adds an attachment, before the unit can see the table; under the I/O MMU's lock. */
  void attach(Attachment attachment) {
    Attachment[] more = Arrays.copyOf(attachments, attachments.length + 1);
    more[more.length - 1] = attachment;
    attachments = more;
  }

  private void detach(Attachment attachment) {
    attachments =
        Arrays.stream(attachments).filter(one -> one != attachment).toArray(Attachment[]::new);
  }

  @Override
  public String toString() {
    return name;
  }
}
