package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.FAR;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.FaultBatch;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.DomainReport;
import dev.vmm.iommu.inspect.MappingReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import dev.vmm.iommu.intel.fake.UnitMemory;
import dev.vmm.testing.FakeMachine;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

/** Faults, and units read back. */
class FaultsAndInspectionTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP | 1;

  /** Four fault records. */
  private static final long FOUR = CAP | 3L << 40;

  private final IntelInspector inspector = new IntelInspector();

  @Test
  void i16_everyFaultIsToldOnceAndInOrderAroundTheRing() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "blocked"));
    iommu.enable();
    long iova = 0;
    for (int round = 0; round < 5; round++) {
      long first = iova;
      for (int i = 0; i < 3; i++) {
        bench.write(NIC, iova += 0x1000);
      }
      FaultBatch batch = iommu.drainFaults();
      assertThat(batch.overflowed()).isFalse();
      assertThat(batch.faults())
          .extracting(DmaFault::iova)
          .containsExactly(first + 0x1000, first + 0x2000, first + 0x3000);
      assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
    }
    bench.checkRules();
  }

  @Test
  void i16_aFaultHasUnitDeviceAddressDirectionAndReason() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "blocked"));
    iommu.enable();
    bench.write(NIC, 0x7008);
    bench.read(NIC, 0x9000);
    bench.unit().fault(FAR.id16(), 0xa000, true, 0x77);
    assertThat(iommu.drainFaults().faults())
        .containsExactly(
            new DmaFault(
                "vtd0", NIC, 0x7000, Access.WRITE, 5, "a paging entry does not permit the write"),
            new DmaFault(
                "vtd0", NIC, 0x9000, Access.READ, 6, "a paging entry does not permit the read"),
            new DmaFault(
                "vtd0",
                FAR,
                0xa000,
                Access.WRITE,
                0x77,
                "nested: the second stage does not permit writing a first-stage entry"));
  }

  @Test
  void i16_anOverflowIsToldAndTheUnitRecordsAgain() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "blocked"));
    iommu.enable();
    for (int i = 1; i <= 9; i++) {
      bench.write(NIC, i * 0x1000L);
    }
    FaultBatch batch = iommu.drainFaults();
    assertThat(batch.overflowed()).isTrue();
    assertThat(batch.faults())
        .extracting(DmaFault::iova)
        .containsExactly(0x1000L, 0x2000L, 0x3000L, 0x4000L);
    bench.write(NIC, 0xf000);
    batch = iommu.drainFaults();
    assertThat(batch.overflowed()).isFalse();
    assertThat(batch.faults()).extracting(DmaFault::iova).containsExactly(0xf000L);
  }

  @Test
  void i16_theOverflowIsClearedAfterTheRecordsAndNothingElseWithIt() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "blocked"));
    iommu.enable();
    bench.write(NIC, 0x1000);
    bench.unit().writes.clear();
    iommu.drainFaults();
    // CAP_REG.FRO is 0x22: the records are at 0x220, 16 bytes each, F is bit 127.
    assertThat(bench.unit().writes).containsExactly("228=8000000000000000");
    for (int i = 1; i <= 5; i++) {
      bench.write(NIC, i * 0x1000L);
    }
    // ITE, ICE and IQE of FSTS_REG wait for whoever sent the invalidation.
    long errors = 0x70;
    bench.unit().preset(0x34, bench.unit().peek(0x34) | errors);
    bench.unit().writes.clear();
    assertThat(iommu.drainFaults().overflowed()).isTrue();
    assertThat(bench.unit().writes)
        .containsExactly(
            "238=8000000000000000",
            "248=8000000000000000",
            "258=8000000000000000",
            "228=8000000000000000",
            "34=1");
    assertThat(bench.unit().peek(0x34) & 0x7d).isEqualTo(errors);
  }

  @Test
  void i16_anErrorOfTheQueueIsClearedWithoutTheOverflowThatIsNotToldYet() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    Domain blocked = domain(iommu, "blocked");
    iommu.move(List.of(NIC), blocked);
    iommu.enable();
    for (int i = 1; i <= 5; i++) {
      bench.write(NIC, i * 0x1000L);
    }
    bench.unit().queueError = 3;
    Domain vm = domain(iommu, "vm");
    assertThatThrownBy(() -> iommu.move(List.of(NIC), vm)).hasMessageContaining("IQE");
    assertThat(bench.unit().peek(0x34) & 0x7d).isEqualTo(1);
    FaultBatch batch = iommu.drainFaults();
    assertThat(batch.overflowed()).isTrue();
    assertThat(batch.faults()).hasSize(4);
  }

  @Test
  void i13_recordsThatNeverClearAreReadOnceAroundAndNoMore() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.enable();
    for (int i = 1; i <= 4; i++) {
      bench.unit().fault(NIC.id16(), i * 0x1000L, true, 5);
    }
    long stuck = bench.unit().peek(0x228);
    bench.unit().onRead =
        offset -> {
          if (offset >= 0x220 && offset < 0x260 && offset % 16 == 8) {
            bench.unit().preset(offset, stuck);
          }
        };
    assertThat(iommu.drainFaults().faults()).hasSize(4);
  }

  @Test
  void aLookAtTheFaultsTellsThemInOrderAroundTheRingAndLeavesThem() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    iommu.move(List.of(NIC), domain(iommu, "blocked"));
    iommu.enable();
    for (int i = 1; i <= 3; i++) {
      bench.write(NIC, i * 0x1000L);
    }
    iommu.drainFaults();
    for (int i = 4; i <= 6; i++) {
      bench.write(NIC, i * 0x1000L);
    }
    int writes = bench.unit().writes.size();
    assertThat(inspector.inspect(bench.machine).get(0).faults())
        .extracting(DmaFault::iova)
        .containsExactly(0x4000L, 0x5000L, 0x6000L);
    assertThat(bench.unit().writes).hasSize(writes);
    assertThat(iommu.drainFaults().faults()).hasSize(3);
  }

  @Test
  void faultsFromBeforeTheStartAreNotTold() {
    Bench bench = Bench.one(FOUR, ECAP);
    bench.unit().fault(NIC.id16(), 0x5000, true, 5);
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(iommu.drainFaults()).isSameAs(FaultBatch.EMPTY);
  }

  @Test
  void inspectionShowsWhatTheDriverProgrammedAndWritesNothing() {
    Bench bench = Bench.one(FOUR, ECAP);
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0, 0, 0x10000000L, Access.READ_WRITE);
    vm.map(0x10000, 0x5000000, 0x2000, Access.READ);
    iommu.move(List.of(DISK, FAR), host);
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    bench.write(NIC, 0x7008);
    int writes = bench.unit().writes.size();
    List<UnitReport> units = inspector.inspect(bench.machine);
    assertThat(bench.unit().writes).hasSize(writes);
    assertThat(units).hasSize(1);
    UnitReport unit = units.get(0);
    assertThat(unit.problems()).isEmpty();
    assertThat(unit.name()).isEqualTo("vtd0");
    assertThat(unit.version()).isEqualTo("1.0");
    assertThat(unit.enabled()).isTrue();
    assertThat(unit.rootTable()).isEqualTo(bench.unit().peek(0x20));
    assertThat(unit.scope()).containsExactly("all other devices of segment 0");
    assertThat(unit.devices()).extracting(DeviceEntryReport::rid).containsExactly(NIC, DISK, FAR);
    assertThat(unit.devices()).extracting(DeviceEntryReport::domainId).containsExactly(2, 1, 1);
    assertThat(unit.devices()).extracting(DeviceEntryReport::widthBits).containsOnly(39);
    assertThat(unit.domains())
        .extracting(DomainReport::mappings)
        .containsExactly(
            List.of(new MappingReport(0x10000, 0x5000000, 0x2000, Access.READ, 0x1000)),
            List.of(new MappingReport(0, 0, 0x10000000L, Access.READ_WRITE, 0x200000)));
    assertThat(unit.faults()).extracting(DmaFault::iova).containsExactly(0x7000L);
    // The fault is still there for the driver.
    assertThat(iommu.drainFaults().faults()).hasSize(1);
    RegisterReport cap = unit.registers().get(1);
    assertThat(cap.name()).isEqualTo("CAP_REG");
    assertThat(cap.fields())
        .anySatisfy(
            field -> {
              assertThat(field.name()).isEqualTo("SAGAW");
              assertThat(field.meaning()).isEqualTo("39 bits with 3 levels");
            })
        .anySatisfy(
            field -> {
              assertThat(field.name()).isEqualTo("ND");
              assertThat(field.meaning()).isEqualTo("65536 domains");
            });
    assertThat(unit.registers())
        .extracting(RegisterReport::name)
        .contains("GSTS_REG", "IOTLB_REG", "FRCD_REG[127:64]")
        .doesNotContain("PMEN_REG", "PQA_REG");
  }

  @Test
  void scalableModeTablesAreShownAsSuch() {
    Bench bench = Bench.one(CAP, ECAP | 1L << 43);
    bench.unit().preset(0x20, 0x200000L | 1L << 10);
    bench.memory.write64(0x200000 + 16 * 0xff, 0x201001L);
    bench.memory.write64(0x200000 + 16 * 0xff + 8, 0x202001L);
    bench.memory.write64(0x201000 + 32 * 8, 0x300009L);
    bench.memory.write64(0x202000 + 32 * 127, 0x400001L);
    UnitReport unit = inspector.inspect(bench.machine).get(0);
    assertThat(unit.devices())
        .extracting(DeviceEntryReport::rid)
        .extracting(Object::toString)
        .containsExactly("0000:ff:01.0", "0000:ff:1f.7");
    assertThat(unit.devices().get(0).type()).isEqualTo("scalable mode, PASID directory 0x300000");
  }

  @Test
  void i12_garbageInMemoryIsToldAndNeverThrows() {
    for (int seed = 0; seed < 8; seed++) {
      Random random = new Random(seed);
      Bench bench = Bench.one(CAP, ECAP);
      bench.unit().preset(0x20, 0x200000L | (seed % 4L) << 10);
      for (int page = 0; page < 64; page++) {
        for (int i = 0; i < 512; i++) {
          // Links that mostly stay inside the garbage, so that they loop.
          long word = random.nextLong() & 0x3f0feL | 0x200000L | 1;
          bench.memory.write64(
              0x200000 + page * 0x1000L + i * 8L,
              random.nextInt(4) == 0 ? word : random.nextLong());
        }
      }
      UnitReport unit = inspector.inspect(bench.machine).get(0);
      if (seed % 4 != 3) {
        assertThat(unit.problems()).isNotEmpty().hasSizeLessThanOrEqualTo(1001);
      }
    }
  }

  @Test
  void unitsThatAreNotThereAreToldAsSuch() {
    Bench dead = Bench.one(-1L, -1L);
    assertThat(inspector.inspect(dead.machine).get(0).problems())
        .containsExactly("every register reads all ones: no unit answers at this address");
    FakeMachine nowhere = new FakeMachine(new UnitMemory(1L << 21, true));
    assertThat(inspector.inspect(nowhere)).isEmpty();
    AcpiTable table = new dev.vmm.iommu.intel.dmar.DmarBuilder().drhd(true, 0, 0x1000).build();
    nowhere.with(table);
    assertThat(inspector.inspect(nowhere).get(0).problems().get(0)).contains("0x1000");
    assertThat(inspector.signatures()).containsExactly("DMAR");
    assertThat(inspector.decode(table).structures()).hasSize(1);
    Bench outside = Bench.one(CAP, ECAP);
    outside.unit().preset(0x20, 1L << 45);
    assertThat(inspector.inspect(outside.machine).get(0).problems().get(0))
        .contains("0x200000000000", "not in RAM");
    assertThat(LongStream.of(outside.unit().peek(0x20)).sum()).isEqualTo(1L << 45);
  }
}
