package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.BASE;
import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.CAP;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.ECAP;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.pci.Rid;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * How large the interrupt tables are, by IRTA_REG's S (3:0: 2^(S+1) entries) and the functions'
 * MSI-X (id 11h, Table Size 10:0 of Message Control, less one) and MSI (id 05h, Multiple Message
 * Capable 3:1, a power of two).
 */
class InterruptPlanTest {
  private static final long IRTA = 0xb8;
  private static final long EIM = 1L << 4;

  private static void capability(Bench bench, Rid rid, int id, int control) {
    bench
        .machine
        .pci()
        .functions
        .get(rid)
        .config
        .putShort(0x06, (short) 0x10)
        .put(0x34, (byte) 0x40)
        .putInt(0x40, id | control << 16);
  }

  private static void msix(Bench bench, Rid rid, int vectors) {
    capability(bench, rid, 0x11, vectors - 1);
  }

  /** Returns how many entries a unit's table has. */
  private static int entries(FakeVtdUnit unit) {
    return 2 << (unit.peek(IRTA) & 0xf);
  }

  private static int entriesOf(Bench bench) {
    Iommu iommu = bench.open();
    iommu.enable();
    int entries = entries(bench.unit());
    iommu.close();
    return entries;
  }

  /** Twice what there is, rounded up, for functions that come later; four pages at least. */
  @ParameterizedTest
  @CsvSource({
    "1, 1024",
    "512, 1024",
    "513, 2048",
    "600, 2048",
    "1024, 2048",
    "1025, 4096",
    "2048, 4096",
  })
  void aTableHasTwiceTheEntriesThatItsFunctionsCanUse(int vectors, int entries) {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    msix(bench, NIC, vectors);
    assertThat(entriesOf(bench)).isEqualTo(entries);
  }

  @Test
  void theVectorsOfAllFunctionsAddUpAndEachIsRoundedUpAsItIsTaken() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    msix(bench, NIC, 129);
    msix(bench, DISK, 129);
    assertThat(entriesOf(bench)).as("256 and 256").isEqualTo(1024);
    msix(bench, GPU, 129);
    assertThat(entriesOf(bench)).as("and 256").isEqualTo(2048);
  }

  @Test
  void aTableIsNoLargerThanTheLargest() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    for (int device = 0; device < 32; device++) {
      for (int function = 0; function < 2; function++) {
        String rid = String.format("01:%02x.%d", device, function);
        bench.machine.pci().add(rid, 0x8086, 1, 0x020000).config.put(0x0e, (byte) 0x80);
        msix(bench, Rid.parse(rid), 2048);
      }
    }
    bench.machine.pci().addBridge("00:1c.0", 1, 1);
    assertThat(entriesOf(bench)).isEqualTo(65536);
  }

  @Test
  void aFunctionThatHasOnlyMsiCountsWithItsMessages() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    msix(bench, NIC, 512);
    capability(bench, DISK, 0x05, 0);
    assertThat(entriesOf(bench)).as("513").isEqualTo(2048);
  }

  /** DMAR's flags: INTR_REMAP 0, X2APIC_OPT_OUT 1; EIME is bit 11 of IRTA_REG. */
  @ParameterizedTest
  @CsvSource({"1, 0x800", "3, 0x0"})
  void destinationsStayShortWhereFirmwareAsksForNoX2apic(int flags, String eime) {
    Bench bench = Bench.one(CAP, ECAP | EIM);
    FakeMachine machine = new FakeMachine(bench.memory);
    machine.with(bench.unit());
    machine.with(new DmarBuilder().hostAddressBits(46).flags(flags).drhd(true, 0, BASE).build());
    byte[] madt =
        DmarBuilder.hex(
            "41504943 3c000000" + "00".repeat(36) + "0910 0000 34120000 01000000 00000000");
    machine.with(AcpiTable.of(madt, "test"));
    Iommu iommu = new IntelProvider().open(new IommuContext(machine, Tunables.defaults()));
    iommu.enable();
    assertThat(bench.unit().peek(IRTA) & 0x800).isEqualTo(Long.decode(eime));
    iommu.close();
  }

  @Test
  void aFunctionCountsAtTheUnitThatItIsUnder() {
    Bench bench = Bench.two(CAP, ECAP, CAP).interrupts();
    msix(bench, NIC, 2048);
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(entries(bench.units.get(0))).as("the GPU's").isEqualTo(1024);
    assertThat(entries(bench.units.get(1))).isEqualTo(4096);
    iommu.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
  }
}
