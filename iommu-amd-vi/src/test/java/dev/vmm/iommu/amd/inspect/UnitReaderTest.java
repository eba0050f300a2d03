package dev.vmm.iommu.amd.inspect;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.pci.Rid;
import dev.vmm.testing.ArrayMemory;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A unit read back from registers and tables that are written here word by word. */
class UnitReaderTest {
  private static final long PAGE = WrittenUnit.PAGE;
  private static final long BLOCKED = WrittenUnit.BLOCKED;

  private final WrittenUnit unit = new WrittenUnit();
  private final ArrayMemory memory = unit.memory;
  private final Map<Long, Long> registers = unit.registers;
  private final long table = unit.table;

  private UnitReport read() {
    return new UnitReader("amdvi0", unit.ivhd(List.of()), unit.machine).read();
  }

  private void entry(int id, long word0, long word1) {
    unit.entry(id, word0, word1);
  }

  @Test
  void idsThatWereNeverMovedAreLeftOut() {
    UnitReport unit = read();
    assertThat(unit.problems()).isEmpty();
    assertThat(unit.enabled()).isTrue();
    assertThat(unit.rootTable()).isEqualTo(table);
    assertThat(unit.devices()).isEmpty();
    assertThat(unit.domains()).isEmpty();
    assertThat(unit.kind()).isEqualTo("ivhd");
    assertThat(unit.owner()).startsWith("translation on");
  }

  @Test
  void entriesThatAreAllAlikeAreLeftOutButForFunctions() {
    for (int id = 0; id < 1 << 16; id++) {
      entry(id, 0x6000000000000003L, 0);
    }
    assertThat(read().devices())
        .extracting(DeviceEntryReport::rid, DeviceEntryReport::type)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple(Rid.parse("0000:00:01.0"), "untranslated"));
  }

  @Test
  void domainsAreReadByTheTablesOfTheirEntries() {
    long root = memory.allocatePage();
    long bottom = memory.allocatePage();
    memory.write64(root + 8, 0x6000000000000201L | bottom);
    memory.write64(bottom + 16, 0x7000000000345001L);
    entry(0x08, 0x6000000000000403L | root, 0x1234);
    entry(0x1ff, 0x6000000000000403L | root, 0x1234);

    UnitReport unit = read();

    assertThat(unit.problems()).isEmpty();
    assertThat(unit.devices()).hasSize(2);
    DeviceEntryReport first = unit.devices().get(0);
    assertThat(first.domainId()).isEqualTo(0x1234);
    assertThat(first.type()).isEqualTo("host tables");
    assertThat(first.levels()).isEqualTo(2);
    assertThat(first.widthBits()).isEqualTo(30);
    assertThat(first.hpa()).isEqualTo(table + 32 * 8);
    assertThat(unit.domains()).hasSize(1);
    assertThat(unit.domains().get(0).mappings())
        .containsExactly(new MappingReport(0x202000, 0x345000, PAGE, Access.READ_WRITE, PAGE));
  }

  @Test
  void anEntryThatIsNotValidIsAHoleAndToldAsOne() {
    entry(0x1ff, 0, 0);
    UnitReport unit = read();
    assertThat(unit.devices())
        .extracting(DeviceEntryReport::type)
        .containsExactly("not valid: all passes untranslated");
    assertThat(unit.problems())
        .singleElement()
        .asString()
        .contains("1 of the 65536 device table entries", "passes untranslated");
  }

  @Test
  void eventsAndCommandsAreReadWithoutBeingTaken() {
    long commands = memory.allocatePage();
    long events = memory.allocatePage();
    registers.put(0x18L, 0x1005L);
    registers.put(0x08L, 8L << 56 | commands);
    registers.put(0x10L, 8L << 56 | events);
    registers.put(0x2000L, 0x10L);
    registers.put(0x2008L, 0x30L);
    registers.put(0x2018L, 0x10L);
    registers.put(0x2020L, 0x18L); // CmdBufRun, EventLogRun
    memory.write64(commands + 0x10, 0x2000000000000008L);
    memory.write64(commands + 0x20, 0x3000123400000000L);
    memory.write64(commands + 0x28, 0x7ffffffffffff003L);
    memory.write64(events, 0x2020123400000008L);
    memory.write64(events + 8, 0x7000L);

    UnitReport unit = read();

    assertThat(unit.queues())
        .extracting(QueueReport::name, QueueReport::state)
        .containsExactly(
            org.assertj.core.groups.Tuple.tuple("command buffer", "2 waiting"),
            org.assertj.core.groups.Tuple.tuple("event log", "1 waiting"));
    assertThat(unit.queues().get(0).pending())
        .extracting(QueueReport.Entry::meaning)
        .containsExactly(
            "INVALIDATE_DEVTAB_ENTRY of 0x8",
            "INVALIDATE_IOMMU_PAGES of domain 0x1234, all of it, directories too");
    assertThat(unit.faults())
        .singleElement()
        .satisfies(
            fault -> {
              assertThat(fault.rid()).isEqualTo(Rid.parse("0000:00:01.0"));
              assertThat(fault.iova()).isEqualTo(0x7000);
              assertThat(fault.access()).isEqualTo(Access.WRITE);
            });
    assertThat(read()).usingRecursiveComparison().isEqualTo(unit);
  }

  @Test
  void aRangeOfPagesIsToldByItsEnds() {
    assertThat(CommandWords.of(0x3000000700000000L, 0x12347001L))
        .isEqualTo("INVALIDATE_IOMMU_PAGES of domain 0x7, 0x10000 bytes at 0x12340000");
    assertThat(CommandWords.of(0x3000000700000000L, 0x12347000L))
        .isEqualTo("INVALIDATE_IOMMU_PAGES of domain 0x7, 0x1000 bytes at 0x12347000");
    assertThat(CommandWords.of(0x1000000012345679L, 0x5))
        .isEqualTo("COMPLETION_WAIT stores 0x5 at 0x12345678");
    assertThat(CommandWords.of(0xf000000000000000L, 0)).isEqualTo("reserved opcode 0xf");
  }

  @Test
  void interruptTablesAreReadOnce() {
    long interrupts = memory.allocatePage();
    // IV, IntTabLen 1 (two entries), IntCtl 2.
    for (int id : new int[] {0x08, 0x1ff}) {
      entry(id, BLOCKED, 1);
      memory.write64(table + 32L * id + 16, 0x2000000000000003L | interrupts);
    }
    memory.write(interrupts + 4, 4, 0x00310201L);
    UnitReport unit = read();
    assertThat(unit.interrupts()).hasSize(1);
    assertThat(unit.interrupts().get(0).present())
        .singleElement()
        .satisfies(
            entry -> {
              assertThat(entry.index()).isEqualTo(1);
              assertThat(entry.meaning()).isEqualTo("fixed, vector 0x31, physical APIC 0x2");
            });
  }

  /** Sets up a table of 128-bit entries for 00:01.0, and returns where. */
  private long wideInterrupts() {
    long interrupts = memory.allocatePage();
    registers.put(0x18L, 1L | 1L << 17); // GAEn
    entry(0x08, BLOCKED, 1);
    memory.write64(table + 32 * 8 + 16, 0x2000000000000005L | interrupts);
    return interrupts;
  }

  private List<InterruptTableReport.Entry> entries() {
    assertThat(read().interrupts()).hasSize(1);
    assertThat(read().interrupts().get(0).mode()).isEqualTo("128-bit entries");
    return read().interrupts().get(0).present();
  }

  private static List<String> fields(InterruptTableReport.Entry entry) {
    return entry.fields().stream().map(FieldReport::text).toList();
  }

  @Test
  void wideInterruptEntriesAreToldFieldByField() {
    long interrupts = wideInterrupts();
    // Arbitrated, logical, asks for an end, destination 0x12345678, vector 0x41.
    memory.write64(interrupts + 16, 0x3456_7865L);
    memory.write64(interrupts + 24, 0x1200_0000_0000_0041L);

    assertThat(entries())
        .singleElement()
        .satisfies(
            entry -> {
              assertThat(entry.index()).isEqualTo(1);
              assertThat(entry.raw()).isEqualTo("0x1200000000000041_0000000034567865");
              assertThat(entry.meaning())
                  .isEqualTo("arbitrated, vector 0x41, logical APIC 0x12345678");
              assertThat(fields(entry))
                  .containsExactly(
                      "DestinationHigh=0x12 (APIC id, bits 31:24)",
                      "Vector=0x41",
                      "DestinationLow=0x345678 (APIC id, bits 23:0)",
                      "GuestMode=0x0 (for the host)",
                      "DM=0x1 (logical)",
                      "RqEoi=0x1 (asks for an end of interrupt)",
                      "IntType=0x1 (arbitrated)",
                      "SupIOPF=0x0 (faults are told)",
                      "RemapEn=0x1 (remapped)");
            });
    assertThat(read().problems()).isEmpty();
  }

  @Test
  void interruptEntriesOfGuestsAreToldFieldByField() {
    long interrupts = wideInterrupts();
    // GATag 0x77, destination 0x9, runs, logged; virtual APIC at 0x123456000, vector 0x52.
    memory.write64(interrupts, 0x0000_0077_0000_09c5L);
    memory.write64(interrupts + 8, 0x0000_0001_2345_6052L);

    assertThat(entries())
        .singleElement()
        .satisfies(
            entry -> {
              assertThat(entry.meaning())
                  .isEqualTo(
                      "for a guest's virtual APIC at 0x123456000, vector 0x52, runs on APIC 0x9, tag 0x77");
              assertThat(fields(entry))
                  .contains(
                      "GuestVApicRoot=0x123456 (virtual APIC at 0x123456000)",
                      "GATag=0x77",
                      "IsRun=0x1 (the guest's processor runs)",
                      "GALogIntr=0x1 (told by the guest virtual APIC log)");
            });
    assertThat(read().problems()).isEmpty();
  }

  @Test
  void interruptEntriesThatTheUnitTakesForIllegalAreProblems() {
    long interrupts = wideInterrupts();
    memory.write64(interrupts + 8, 0x100L);
    memory.write64(interrupts, 1L);
    memory.write64(interrupts + 16, 0x89L); // bit 3 of a guest's entry
    memory.write64(interrupts + 32, 0x9L); // IntType 2
    memory.write64(interrupts + 48, 0x85L); // a guest's, with GALogIntr
    assertThat(read().problems())
        .hasSize(3)
        .allSatisfy(problem -> assertThat(problem).contains("reserved bits or a reserved type"))
        .first()
        .asString()
        .contains("entry 0x0 at 0x%x".formatted(interrupts), "0x0000000000000100_0000000000000001");
    registers.put(0x18L, 1L); // 32-bit entries now: 1, and garbage in bits 31:24
    memory.write64(interrupts, 0x4000000000000000L);
    memory.write64(interrupts + 8, 0x0000000d_40000001L); // and IntType 3
    assertThat(read().problems())
        .satisfiesExactly(
            bits -> assertThat(bits).contains("interrupt table entry 0x2", ": 0x40000001"),
            type -> assertThat(type).contains("interrupt table entry 0x3", ": 0x0000000d"));
    assertThat(fields(read().interrupts().get(0).present().get(0)))
        .startsWith("RSVD[31:24]=0x40", "Vector=0x0");
  }

  /** IV without IntCtl stops interrupts; IntCtl 1 lets those of an I/O APIC pass. */
  @Test
  void anIdThatReachesNothingIsLeftOutUnlessItSendsInterrupts() {
    for (int id = 0x08; id < 0x10; id++) {
      entry(id, BLOCKED, 0);
      memory.write64(table + 32L * id + 16, id == 0x0a ? 0x1000000000000001L : 1);
    }
    assertThat(read().devices())
        .extracting(DeviceEntryReport::rid)
        .contains(Rid.of(0, 0x0a))
        .doesNotContain(Rid.of(0, 0x08), Rid.of(0, 0x0b), Rid.of(0, 0x0f));
  }

  @Test
  void aUnitThatIsNotThereIsAProblem() {
    registers.put(0x18L, -1L);
    assertThat(read().problems())
        .containsExactly("every register reads all ones: no unit answers at this address");
  }

  @Test
  void aTableOutsideRamIsAProblem() {
    registers.put(0x00L, 0x100000000L | 0x1ff);
    assertThat(read().problems()).singleElement().asString().contains("is not all in RAM");
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void i12_anyTableEndsTheReadingWithoutAnException(long seed) {
    Random random = new Random(seed);
    for (long at = table; at < table + 0x20000; at += 8) {
      memory.write64(at, random.nextLong() & 0xffffffL | random.nextLong() & 0xfff0000000000000L);
    }
    registers.put(0x08L, random.nextLong());
    registers.put(0x10L, random.nextLong());
    registers.put(0x18L, random.nextLong() & ~(7L << 34));
    UnitReport unit = read();
    assertThat(unit.problems()).hasSizeBetween(1, 1001);
  }
}
