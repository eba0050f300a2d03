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
import dev.vmm.iommu.support.inspect.DomainReader;
import dev.vmm.iommu.support.inspect.Problems;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Reads root and context tables, and the page tables below them, from memory. Nothing that memory
 * holds makes it throw, loop or read outside RAM. Used once, by one thread.
 */
final class TableReader {
  private static final int ENTRY_BYTES = 16;
  private static final int SCALABLE_ENTRY_BYTES = 32;

  private final PhysicalMemory memory;
  private final int segment;
  private final Result result = new Result();
  private final Problems problems = new Problems();
  private final DomainReader domainReader;

  /** What was found. */
  static final class Result {
    final List<DeviceEntryReport> devices = new ArrayList<>();
    final List<DomainReport> domains = new ArrayList<>();
    final List<MemoryReport> memory = new ArrayList<>();
    final List<String> problems = new ArrayList<>();
  }

  TableReader(PhysicalMemory memory, int segment, SecondStageFormat format) {
    this.memory = memory;
    this.segment = segment;
    this.domainReader = new DomainReader(memory, format, problems);
  }

  /** Reads what RTADDR_REG leads to. */
  Result read(RtaddrReg rtaddr) {
    readTables(rtaddr);
    result.domains.addAll(domainReader.domains());
    result.problems.addAll(problems.all());
    return result;
  }

  private void readTables(RtaddrReg rtaddr) {
    long root = rtaddr.rootTable();
    result.memory.add(new MemoryReport("root table", root, PhysicalMemory.PAGE_BYTES));
    if (!inRam(root)) {
      problems.add("RTADDR_REG leads to a root table at 0x%x, which is not in RAM", root);
      return;
    }
    switch (rtaddr.mode()) {
      case LEGACY -> legacy(root);
      case SCALABLE -> scalable(root);
      case ABORT -> {}
      case RESERVED -> problems.add("RTADDR_REG has the reserved translation table mode 2");
    }
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
        problems.add(
            "root entry at 0x%x leads to 0x%x, which is not in RAM", at, low.contextTable());
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
      problems.add("context entry at 0x%x has the reserved address width %d", at, high.aw());
    }
    if (type == TranslationType.RESERVED) {
      problems.add("context entry at 0x%x has the reserved translation type 3", at);
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
            type == TranslationType.PASS_THROUGH,
            fields(ContextEntryHigh.LAYOUT, high.raw(), ContextEntryLow.LAYOUT, low.raw())));
    if (levels != 0) {
      domainReader.read(high.did(), low.tableRoot(), levels);
    }
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
      problems.add(
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
                false,
                FieldReport.of(ScalableContextEntryLow.LAYOUT, low.raw())));
      }
    }
  }

  private void reserved(long at, long bits, String what) {
    if (bits != 0) {
      problems.add("%s word at 0x%x has reserved bits 0x%x set", what, at, bits);
    }
  }

  private boolean inRam(long page) {
    return Words.inRam(memory, page, PhysicalMemory.PAGE_BYTES);
  }
}
