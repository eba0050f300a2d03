package dev.vmm.iommu.intel.inspect;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.intel.structs.ContextEntryHigh;
import dev.vmm.iommu.intel.structs.ContextEntryLow;
import dev.vmm.iommu.intel.structs.RootEntryHigh;
import dev.vmm.iommu.intel.structs.RootEntryLow;
import dev.vmm.iommu.intel.structs.ScalableContextEntryLow;
import dev.vmm.iommu.intel.structs.ScalableRootEntryHigh;
import dev.vmm.iommu.intel.structs.ScalableRootEntryLow;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.structs.TranslationType;
import dev.vmm.iommu.pagetable.PageTableWalker;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads root and context tables, and the page tables below them, from memory. Nothing that memory
 * holds makes it throw, loop or read outside RAM. Used once, by one thread.
 */
final class TableReader {
  private static final int ENTRY_BYTES = 16;
  private static final int SCALABLE_ENTRY_BYTES = 32;

  /** More are told as one problem, so that garbage does not fill the heap. */
  private static final int MAX_PROBLEMS = 1000;

  private static final int MAX_DOMAINS = 4096;

  /** After so many problems in page tables memory holds garbage: reading on tells nothing new. */
  private static final int MAX_PAGE_TABLE_PROBLEMS = 4000;

  private final PhysicalMemory memory;
  private final int segment;
  private final SecondStageFormat format;
  private final Result result = new Result();
  private final Set<Walked> walked = new HashSet<>();
  private int pageTableProblems;

  /** What was found. */
  static final class Result {
    final List<DeviceEntryReport> devices = new ArrayList<>();
    final List<DomainReport> domains = new ArrayList<>();
    final List<MemoryReport> memory = new ArrayList<>();
    final List<String> problems = new ArrayList<>();
  }

  private record Walked(int domainId, long tableRoot, int levels) {}

  TableReader(PhysicalMemory memory, int segment, SecondStageFormat format) {
    this.memory = memory;
    this.segment = segment;
    this.format = format;
  }

  /** Reads what RTADDR_REG leads to. */
  Result read(RtaddrReg rtaddr) {
    long root = rtaddr.rootTable();
    result.memory.add(new MemoryReport("root table", root, PhysicalMemory.PAGE_BYTES));
    if (!inRam(root)) {
      problem("RTADDR_REG leads to a root table at 0x%x, which is not in RAM", root);
      return result;
    }
    switch (rtaddr.mode()) {
      case LEGACY -> legacy(root);
      case SCALABLE -> scalable(root);
      case ABORT -> {}
      case RESERVED -> problem("RTADDR_REG has the reserved translation table mode 2");
    }
    return result;
  }

  private void legacy(long root) {
    for (int bus = 0; bus < 256; bus++) {
      long at = root + (long) bus * ENTRY_BYTES;
      RootEntryLow low = new RootEntryLow(memory.read64(at));
      if (!low.p()) {
        continue;
      }
      reserved(at, low.raw() & RootEntryLow.LAYOUT.reservedMask(), "root entry");
      reserved(at + 8, memory.read64(at + 8) & RootEntryHigh.LAYOUT.reservedMask(), "root entry");
      if (!inRam(low.contextTable())) {
        problem("root entry at 0x%x leads to 0x%x, which is not in RAM", at, low.contextTable());
        continue;
      }
      contextTable(low.contextTable());
      for (int devfn = 0; devfn < 256; devfn++) {
        context(low.contextTable() + (long) devfn * ENTRY_BYTES, (bus << 8) | devfn);
      }
    }
  }

  private void context(long at, int sourceId) {
    ContextEntryLow low = new ContextEntryLow(memory.read64(at));
    ContextEntryHigh high = new ContextEntryHigh(memory.read64(at + 8));
    if (!low.p()) {
      return;
    }
    reserved(at, low.raw() & ContextEntryLow.LAYOUT.reservedMask(), "context entry");
    reserved(at + 8, high.raw() & ContextEntryHigh.LAYOUT.reservedMask(), "context entry");
    TranslationType type = low.translationType();
    boolean translates =
        type == TranslationType.UNTRANSLATED_ONLY || type == TranslationType.DEVICE_TLB;
    int levels = translates ? high.levels() : 0;
    if (translates && levels == 0) {
      problem("context entry at 0x%x has the reserved address width %d", at, high.aw());
    }
    if (type == TranslationType.RESERVED) {
      problem("context entry at 0x%x has the reserved translation type 3", at);
    }
    result.devices.add(
        new DeviceEntryReport(
            Rid.of(segment, sourceId),
            high.did(),
            type.text() + (low.fpd() ? ", faults not reported" : ""),
            levels == 0 ? 0 : 12 + 9 * levels,
            levels,
            levels == 0 ? 0 : low.tableRoot(),
            Words.hex(high.raw(), low.raw()),
            at,
            fields(ContextEntryHigh.LAYOUT, high.raw(), ContextEntryLow.LAYOUT, low.raw())));
    if (levels != 0) {
      domain(new Walked(high.did(), low.tableRoot(), levels));
    }
  }

  private void domain(Walked key) {
    if (!walked.add(key)) {
      return;
    }
    if (result.domains.size() == MAX_DOMAINS || pageTableProblems > MAX_PAGE_TABLE_PROBLEMS) {
      problem(
          "the page tables of domain id %d at 0x%x are left out, after %d domains and %d problems",
          key.domainId(), key.tableRoot(), result.domains.size(), pageTableProblems);
      return;
    }
    DomainReport domain =
        DomainReport.of(
            key.domainId(),
            key.tableRoot(),
            key.levels(),
            PageTableWalker.tables(format, memory, key.tableRoot(), key.levels()));
    pageTableProblems += domain.problems().size();
    result.domains.add(domain);
  }

  private void contextTable(long table) {
    MemoryReport report = new MemoryReport("context table", table, PhysicalMemory.PAGE_BYTES);
    if (!result.memory.contains(report)) {
      result.memory.add(report);
    }
  }

  private static List<FieldReport> fields(Layout high, long highRaw, Layout low, long lowRaw) {
    List<FieldReport> fields = new ArrayList<>(FieldReport.of(high, highRaw));
    fields.addAll(FieldReport.of(low, lowRaw));
    return fields;
  }

  private void scalable(long root) {
    for (int bus = 0; bus < 256; bus++) {
      long at = root + (long) bus * ENTRY_BYTES;
      ScalableRootEntryLow low = new ScalableRootEntryLow(memory.read64(at));
      ScalableRootEntryHigh high = new ScalableRootEntryHigh(memory.read64(at + 8));
      if (low.lp()) {
        scalableContexts(at, low.contextTable(), bus << 8);
      }
      if (high.up()) {
        scalableContexts(at + 8, high.contextTable(), (bus << 8) | 0x80);
      }
    }
  }

  private void scalableContexts(long rootEntry, long table, int firstSourceId) {
    if (!inRam(table)) {
      problem(
          "scalable-mode root entry at 0x%x leads to 0x%x, which is not in RAM", rootEntry, table);
      return;
    }
    contextTable(table);
    for (int i = 0; i < 128; i++) {
      long at = table + (long) i * SCALABLE_ENTRY_BYTES;
      ScalableContextEntryLow low = new ScalableContextEntryLow(memory.read64(at));
      if (low.p()) {
        result.devices.add(
            new DeviceEntryReport(
                Rid.of(segment, firstSourceId | i),
                0,
                String.format(
                    Locale.ROOT, "scalable mode, PASID directory 0x%x", low.pasidDirectory()),
                0,
                0,
                0,
                Words.hex(
                    memory.read64(at + 24),
                    memory.read64(at + 16),
                    memory.read64(at + 8),
                    low.raw()),
                at,
                FieldReport.of(ScalableContextEntryLow.LAYOUT, low.raw())));
      }
    }
  }

  private void reserved(long at, long bits, String what) {
    if (bits != 0) {
      problem("%s word at 0x%x has reserved bits 0x%x set", what, at, bits);
    }
  }

  private boolean inRam(long page) {
    return Words.inRam(memory, page, PhysicalMemory.PAGE_BYTES);
  }

  private void problem(String format, Object... args) {
    if (result.problems.size() < MAX_PROBLEMS) {
      result.problems.add(String.format(Locale.ROOT, format, args));
    } else if (result.problems.size() == MAX_PROBLEMS) {
      result.problems.add("more problems are left out");
    }
  }
}
