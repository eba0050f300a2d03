package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.inspect.FieldReport;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.inspect.WalkReport;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Queue, interrupt-remapping table and single walks, from literal words of the book's layouts. */
class InspectionOfRingsTest {
  private static final long TABLE = 0x300000;
  private static final long QUEUE = 0x310000;

  private final Bench bench = Bench.one(FakeVtdUnit.CAP, FakeVtdUnit.ECAP | 1);

  private UnitReport unit() {
    return new IntelInspector().inspect(bench.machine).get(0);
  }

  @Test
  void presentInterruptEntriesAreDecoded() {
    bench.unit().preset(0xb8, TABLE | 1L << 11 | 3); // x2APIC mode, 16 entries
    bench.unit().preset(0x1c, 1L << 25);
    // Index 2: vector 0x41 to APIC 0x12345, from 00:1f.0 only.
    bench.memory.write64(TABLE + 2 * 16, 0x0001_2345_0041_0001L);
    bench.memory.write64(TABLE + 2 * 16 + 8, 1L << 18 | 0x00f8);
    // Index 3: posted, vector 0x55, descriptor 0x1_2345_6780, any source.
    bench.memory.write64(TABLE + 3 * 16, (0x2345_6780L >>> 6) << 38 | 0x55 << 16 | 1 << 15 | 1);
    bench.memory.write64(TABLE + 3 * 16 + 8, 1L << 32);

    InterruptTableReport table = unit().interrupts().get(0);

    assertThat(table.enabled()).isTrue();
    assertThat(table.entries()).isEqualTo(16);
    assertThat(table.mode()).isEqualTo("x2APIC");
    assertThat(table.problems()).isEmpty();
    assertThat(table.present())
        .extracting(entry -> entry.index() + " " + entry.meaning())
        .containsExactly(
            "2 fixed, vector 0x41, physical APIC 0x12345, edge, source 00:1f.0",
            "3 posted, vector 0x55, descriptor 0x123456780, any source");
    assertThat(fields(table.present().get(0)))
        .containsExactly(
            "PDAH=0x0 (descriptor address, bits 63:32)",
            "SVT=0x1 (the source must be SID as far as SQ says)",
            "SQ=0x0 (all bits count)",
            "SID=0xf8 (source 00:1f.0)",
            "DST=0x12345 (x2APIC id)",
            "V=0x41",
            "IM=0x0 (remapped)",
            "AVAIL=0x0",
            "DLM=0x0 (fixed)",
            "TM=0x0 (edge)",
            "RH=0x0 (to the processors in DST)",
            "DM=0x0 (physical)",
            "FPD=0x0 (faults are recorded)",
            "P=0x1");
    assertThat(fields(table.present().get(1)))
        .containsExactly(
            "PDAH=0x1 (descriptor address, bits 63:32)",
            "SVT=0x0 (no source is checked)",
            "SQ=0x0 (all bits count)",
            "SID=0x0",
            "PDAL=0x8d159e (descriptor address, bits 31:6)",
            "VV=0x55",
            "IM=0x1 (posted)",
            "URG=0x0 (not urgent)",
            "AVAIL=0x0",
            "FPD=0x0 (faults are recorded)",
            "P=0x1");
  }

  @Test
  void xApicDestinationsAreInBits15To8AndReservedBitsAreTold() {
    bench.unit().preset(0xb8, TABLE);
    bench.unit().preset(0x1c, 1L << 25);
    bench.memory.write64(TABLE, 7L << 40 | 0x30 << 16 | 1);
    bench.memory.write64(TABLE + 8, 2L << 18 | 0x0205);
    bench.memory.write64(TABLE + 16, 1L << 30 | 1);

    InterruptTableReport table = unit().interrupts().get(0);

    assertThat(table.mode()).isEqualTo("xAPIC");
    assertThat(table.present().get(0).meaning())
        .isEqualTo("fixed, vector 0x30, physical APIC 0x7, edge, any source on buses 02-05");
    assertThat(table.problems()).singleElement().asString().contains("0x300010", "reserved bits");
    assertThat(unit().problems()).containsAll(table.problems());
  }

  /** Each of them has the unit block the message with reason 24h. */
  @ParameterizedTest
  @CsvSource({
    "0x0, 0x0001_0000_0030_0001, 0x4_0010", // a destination beyond 8 bits
    "0x0, 0x0000_0001_0030_0001, 0x4_0010",
    "0x0, 0x0000_0100_0030_0061, 0x4_0010", // DLM 3
    "0x0, 0x0000_0100_0030_00c1, 0x4_0010", // DLM 6
    "0x0, 0x0000_0100_0030_0001, 0xc_0010", // SVT 3
    "0x800, 0x0000_0100_0030_0001, 0xc_0010",
    "0x0, 0x0000_0100_0030_0001, 0x14_0010",
  })
  void anEntryThatTheUnitTakesForIllegalIsTold(String mode, String low, String high) {
    bench.unit().preset(0xb8, TABLE | Long.decode(mode));
    bench.unit().preset(0x1c, 1L << 25);
    bench.memory.write64(TABLE, Long.decode(low.replace("_", "")));
    bench.memory.write64(TABLE + 8, Long.decode(high.replace("_", "")));

    assertThat(unit().problems())
        .singleElement()
        .asString()
        .contains("interrupt-remapping entry 0x0 at 0x300000", "reserved bits or codes");
  }

  @Test
  void anInterruptTableOutsideMemoryIsTold() {
    bench.unit().preset(0xb8, 1L << 45);
    bench.unit().preset(0x1c, 1L << 25);

    assertThat(unit().problems()).singleElement().asString().contains("not all in RAM");
  }

  @Test
  void whatWaitsInTheQueueIsNamed() {
    bench.unit().preset(0x90, QUEUE);
    bench.unit().preset(0x1c, 1L << 26);
    bench.unit().hangInvalidations = true;
    bench.unit().preset(0x80, 255 << 4);
    bench.unit().preset(0x88, 2 << 4);
    bench.memory.write64(QUEUE + 255 * 16, 0x11);
    bench.memory.write64(QUEUE, 0x32);
    bench.memory.write64(QUEUE + 16, 0x25);

    QueueReport queue = unit().queues().get(0);

    assertThat(queue.enabled()).isTrue();
    assertThat(queue.entries()).isEqualTo(256);
    assertThat(queue.state()).isEqualTo("3 waiting");
    assertThat(queue.pending())
        .extracting(entry -> entry.index() + " " + entry.meaning())
        .containsExactly(
            "255 context-cache invalidate", "0 IOTLB invalidate", "1 invalidation wait");
    assertThat(unit().memory())
        .anySatisfy(
            memory -> {
              assertThat(memory.what()).isEqualTo("invalidation queue");
              assertThat(memory.hpa()).isEqualTo(QUEUE);
              assertThat(memory.lengthBytes()).isEqualTo(0x1000);
            });
  }

  @Test
  void whoMayOwnAUnitIsSaid() {
    assertThat(unit().owner()).startsWith("nobody");
    bench.unit().preset(0x1c, 1L << 31 | 1L << 25);
    assertThat(unit().owner()).startsWith("translation, interrupt remapping on");
  }

  private static List<String> fields(InterruptTableReport.Entry entry) {
    return entry.fields().stream().map(FieldReport::text).toList();
  }

  private WalkReport walk(long iova) {
    return new IntelInspector().walk(bench.machine, NIC, iova).orElseThrow();
  }

  /** No entry decides on an interrupt: there is none here. */
  @Test
  void aWriteToTheInterruptRangeIsAnInterruptWhateverTheEntriesSay() {
    bench.unit().preset(0xb8, TABLE | 7);
    for (long address : new long[] {0xfee0_0000L, 0xfeef_ffffL}) {
      bench.unit().preset(0x1c, 0);
      assertThat(walk(address).steps())
          .extracting(WalkReport.Step::meaning)
          .containsExactly(
              "a write is an interrupt, which passes as it is (IRES is 0)",
              "translation is off: the address goes out as it is");
      bench.unit().preset(0x1c, 1L << 31 | 1L << 25);
      bench.unit().preset(0x20, 0x320000L);
      assertThat(walk(address).steps())
          .extracting(WalkReport.Step::meaning)
          .containsExactly("a write is an interrupt, which is remapped by table 0x300000");
      assertThat(walk(address).fault()).startsWith("a read: reason 0xe,");
    }
    assertThat(walk(0xfedf_ffffL).fault()).startsWith("reason 0x1,");
    assertThat(walk(0xfef0_0000L).fault()).startsWith("reason 0x1,");
  }

  @Test
  void aWalkEndsWhereTheUnitWouldFault() {
    long root = 0x320000;
    long context = 0x321000;
    long top = 0x322000;
    long at = context + 16L * NIC.devfn();
    assertThat(walk(0x1000).steps().get(0).meaning()).contains("translation is off");
    bench.unit().preset(0x1c, 1L << 31);
    bench.unit().preset(0x20, root);
    assertThat(walk(0x1000).fault()).startsWith("reason 0x1,");
    bench.memory.write64(root + 16L * NIC.bus(), context | 1);
    assertThat(walk(0x1000).fault()).startsWith("reason 0x2,");
    bench.memory.write64(at, top | 1);
    bench.memory.write64(at + 8, 5 << 8 | 1);
    assertThat(walk(0x1000).fault()).startsWith("reason 0x5,");
    assertThat(walk(1L << 39).fault()).startsWith("reason 0x4,");
    bench.memory.write64(top, 1L << 51 | 3);
    assertThat(walk(0x1000).fault()).startsWith("reason 0xc,");
    bench.memory.write64(top, 0x323000 | 3);
    bench.memory.write64(0x323000, 0x400000 | 0x83);
    assertThat(walk(0x1234).translation().orElseThrow().hpa()).isEqualTo(0x401234);
    assertThat(walk(0x1234).steps())
        .extracting(WalkReport.Step::what)
        .containsExactly("root entry", "context entry", "level 3 entry", "level 2 entry");
    bench.memory.write64(at + 8, 1L << 40 | 5 << 8 | 1);
    assertThat(walk(0x1000).fault()).startsWith("reason 0xb,");
    bench.memory.write64(at + 8, 5 << 8 | 2);
    assertThat(walk(0x1000).fault()).startsWith("reason 0x3,");
  }
}
