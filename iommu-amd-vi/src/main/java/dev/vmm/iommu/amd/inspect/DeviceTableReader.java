package dev.vmm.iommu.amd.inspect;

import dev.vmm.bits.Layout;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.structs.DteWord0;
import dev.vmm.iommu.amd.structs.DteWord1;
import dev.vmm.iommu.amd.structs.DteWord2;
import dev.vmm.iommu.amd.structs.DteWord3;
import dev.vmm.iommu.amd.structs.HostPageFormat;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.DomainReader;
import dev.vmm.iommu.support.inspect.Problems;
import dev.vmm.iommu.support.inspect.Words;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Reads the device table, and the page and interrupt tables below it, from memory. A table has an
 * entry for every id, most of them alike: those are left out, unless a function has the id. Nothing
 * that memory holds makes it throw, loop or read outside RAM. Used once, by one thread.
 *
 * <p>Source: 48882 rev 3.10, "Device Table", "Device Table Entry Format".
 */
final class DeviceTableReader {
  private static final int ENTRY_BYTES = DeviceTableSegment.ENTRY_BYTES;
  static final int MAX_LEVELS = 6;
  private static final int MAX_INTERRUPT_TABLES = 4096;

  /** Tables of garbage may overlap: more entries than any machine has are not told one by one. */
  private static final int MAX_INTERRUPT_ENTRIES = 1 << 16;

  private final PhysicalMemory memory;
  private final int segment;
  private final Set<Integer> functions;
  private final boolean wideInterrupts;
  private final boolean translating;
  private final Problems problems;
  private final DomainReader domains;
  private final Set<Long> interruptTables = new HashSet<>();
  private int interruptEntries;

  /** What was found. */
  final List<DeviceEntryReport> devices = new ArrayList<>();

  final List<InterruptTableReport> interrupts = new ArrayList<>();
  final List<MemoryReport> used = new ArrayList<>();

  /**
   * A reader.
   *
   * @param functions the 16-bit ids of the segment that a function has
   * @param control what the control register holds
   */
  DeviceTableReader(
      PhysicalMemory memory, int segment, Set<Integer> functions, long control, Problems problems) {
    this.memory = memory;
    this.segment = segment;
    this.functions = functions;
    this.wideInterrupts = ControlReg.GA_EN.isSet(control);
    this.translating = ControlReg.IOMMU_EN.isSet(control);
    this.problems = problems;
    this.domains =
        new DomainReader(memory, new HostPageFormat(PhysicalMemory.PAGE_BYTES), problems);
  }

  DomainReader domains() {
    return domains;
  }

  /** Reads the table, or all its segments. */
  void read(UnitRegisters registers, long control) {
    DeviceTableSegment.of(registers, control, problem -> problems.add("%s", problem))
        .forEach(this::segment);
  }

  private void segment(DeviceTableSegment segment) {
    long base = segment.baseHpa();
    int count = segment.entries();
    int firstId = segment.firstId();
    used.add(new MemoryReport("device table", base, segment.lengthBytes()));
    if (!Words.inRam(memory, base, (long) count * ENTRY_BYTES)) {
      problems.add(
          "the device table at 0x%x, 0x%x bytes for ids from 0x%x, is not all in RAM",
          base, segment.lengthBytes(), firstId);
      return;
    }
    EntryWords[] entries = new EntryWords[count];
    Map<EntryWords, Integer> numbers = new HashMap<>();
    EntryWords fill = null;
    int most = 0;
    int passed = 0;
    for (int i = 0; i < count; i++) {
      entries[i] = EntryWords.read(memory, base + (long) i * ENTRY_BYTES);
      passed += DteWord0.V.isSet(entries[i].word0()) ? 0 : 1;
      int number = numbers.merge(entries[i], 1, Integer::sum);
      if (number > most) {
        most = number;
        fill = entries[i];
      }
    }
    if (passed > 0 && translating) {
      problems.add(
          "%d of the %d device table entries from id 0x%x at 0x%x are not valid (V is 0): what these ids send passes"
              + " untranslated",
          passed, count, firstId, base);
    }
    for (int i = 0; i < count; i++) {
      int id = firstId + i;
      boolean alike = most > 1 && entries[i].equals(fill);
      if (!reachesNothing(entries[i]) && (!alike || functions.contains(id))) {
        report(id, base + (long) i * ENTRY_BYTES, entries[i]);
      }
    }
  }

  /**
   * Says whether an id is in no domain: its entry is valid, and without tables, rights and id, and
   * says no more of interrupts than that they are stopped.
   */
  private static boolean reachesNothing(EntryWords entry) {
    return entry.word0() == DteWord0.BLOCKED
        && new DteWord1(entry.word1()).domainId() == 0
        && (!DteWord2.IV.isSet(entry.word2()) || DteWord2.INT_CTL.get(entry.word2()) == 0);
  }

  private void report(int id, long at, EntryWords entry) {
    DteWord0 first = new DteWord0(entry.word0());
    if (first.v()) {
      reserved(at, DteWord0.LAYOUT, entry.word0());
      reserved(at + 8, DteWord1.LAYOUT, entry.word1());
    }
    boolean walks = first.v() && first.tv() && first.mode() >= 1 && first.mode() <= MAX_LEVELS;
    if (first.v() && first.tv() && first.mode() > MAX_LEVELS) {
      problems.add("device table entry at 0x%x has the reserved mode 7", at);
    }
    Rid rid = Rid.of(segment, id);
    int domainId = new DteWord1(entry.word1()).domainId();
    devices.add(
        new DeviceEntryReport(
            rid,
            domainId,
            type(first),
            walks ? Math.min(64, 12 + 9 * first.mode()) : 0,
            walks ? first.mode() : 0,
            walks ? first.hostRoot() : 0,
            entry.hex(),
            at,
            fields(entry)));
    if (walks) {
      domains.read(domainId, first.hostRoot(), first.mode());
    }
    interrupts(rid, at, entry.word2());
  }

  private void interrupts(Rid rid, long at, long word2) {
    if (!DteWord2.IV.isSet(word2)) {
      return;
    }
    reserved(at + 16, DteWord2.LAYOUT, word2);
    if (!InterruptTableReader.isRemapped(word2)
        || interruptTables.size() == MAX_INTERRUPT_TABLES
        || !interruptTables.add(word2 & DteWord2.INT_TABLE_ROOT.mask())) {
      return;
    }
    InterruptTableReport table =
        InterruptTableReader.read(
            rid.toString(),
            word2,
            wideInterrupts,
            memory,
            MAX_INTERRUPT_ENTRIES - interruptEntries);
    interruptEntries += table.present().size();
    interrupts.add(table);
    table.problems().forEach(problem -> problems.add("%s", problem));
    used.add(
        new MemoryReport(
            "interrupt table", table.hpa(), InterruptTableReader.bytes(word2, wideInterrupts)));
  }

  /** What the entry has its device's requests be. Source: the table of V, TV, GV and Mode. */
  static String type(DteWord0 first) {
    if (!first.v()) {
      return "not valid: all passes untranslated";
    }
    if (!first.tv()) {
      return "no translation: requests are stopped";
    }
    String rights = first.ir() ? (first.iw() ? "" : ", read only") : ", write only";
    if (!first.ir() && !first.iw()) {
      return first.mode() == 0 ? "blocked" : "host tables, but no rights: blocked";
    }
    String tables =
        first.mode() == 0
            ? "untranslated"
            : first.mode() > MAX_LEVELS ? "reserved mode" : "host tables";
    return tables + rights + (first.gv() ? ", guest tables" : "");
  }

  private static List<FieldReport> fields(EntryWords entry) {
    List<FieldReport> fields = new ArrayList<>(FieldReport.of(DteWord3.LAYOUT, entry.word3()));
    fields.addAll(FieldReport.of(DteWord2.LAYOUT, entry.word2()));
    fields.addAll(FieldReport.of(DteWord1.LAYOUT, entry.word1()));
    fields.addAll(FieldReport.of(DteWord0.LAYOUT, entry.word0()));
    return fields;
  }

  private void reserved(long at, Layout layout, long raw) {
    long bits = raw & layout.reservedMask();
    if (bits != 0) {
      problems.add("device table entry word at 0x%x has reserved bits 0x%x set", at, bits);
    }
  }
}
