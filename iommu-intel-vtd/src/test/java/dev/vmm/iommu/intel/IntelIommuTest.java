package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.FAR;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Moves, maps and flushes on units of every kind, each of which caches all it can. */
class IntelIommuTest {
  private static final long CAP = FakeVtdUnit.CAP;
  private static final long ECAP = FakeVtdUnit.ECAP;
  private static final long CM = 1L << 7;
  private static final long RWBF = 1L << 4;
  private static final long PSI = 1L << 39;
  private static final long COHERENT = 1L;
  private static final long QI = 1L << 1;
  private static final long PAGE = 0x1000;
  private static final long LARGE = 0x200000;

  /** One kind of unit. */
  record Kind(String name, long cap, long ecap, boolean registers) {
    Bench bench() {
      Bench bench = Bench.one(cap, ecap);
      return registers ? bench.registers() : bench;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Kind> kinds() {
    return Stream.of(
        new Kind("queue", CAP, ECAP, false),
        new Kind("registers", CAP, ECAP, true),
        new Kind("no queue", CAP, ECAP & ~QI, false),
        new Kind("coherent", CAP, ECAP | COHERENT, false),
        new Kind("caching mode", CAP | CM, ECAP, false),
        new Kind("caching mode, registers", CAP | CM, ECAP, true),
        new Kind("write buffer", CAP | RWBF, ECAP, false),
        new Kind("write buffer, registers", CAP | RWBF, ECAP, true),
        new Kind("no page-selective invalidation", CAP & ~PSI, ECAP, false),
        new Kind(
            "48 bits only", (CAP & ~(0x1fL << 8 | 0x3fL << 16)) | 4L << 8 | 47L << 16, ECAP, false),
        new Kind(
            "57 bits only", (CAP & ~(0x1fL << 8 | 0x3fL << 16)) | 8L << 8 | 56L << 16, ECAP, true),
        new Kind("4 KiB pages only, few domains", (CAP & ~(3L << 34 | 7L)), ECAP, false));
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void i02_everyDeviceReachesExactlyWhatItsDomainMaps(Kind kind) {
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    host.map(0, 0, 64 * LARGE, Access.READ_WRITE);
    vm.map(0x10000, 0x5000000, 2 * PAGE, Access.READ);
    iommu.move(List.of(NIC, DISK, FAR), host);
    iommu.enable();
    assertThat(bench.write(NIC, 0x123456)).isEqualTo(0x123456);
    assertThat(bench.write(FAR, 0x123456)).isEqualTo(0x123456);
    assertThat(bench.write(NIC, 64 * LARGE)).isEqualTo(-1);
    iommu.move(List.of(NIC), vm);
    assertThat(bench.write(NIC, 0x123456)).isEqualTo(-1);
    assertThat(bench.read(NIC, 0x11008)).isEqualTo(0x5001008);
    assertThat(bench.write(NIC, 0x11008)).isEqualTo(-1);
    assertThat(bench.write(DISK, 0x11008)).isEqualTo(0x11008);
    assertThat(iommu.domainOf(NIC)).contains(vm);
    assertThat(iommu.domainOf(DISK)).contains(host);
    iommu.move(List.of(NIC), host);
    assertThat(bench.write(NIC, 0x11008)).isEqualTo(0x11008);
    bench.checkRules();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void i05_unmapIsFlushedBeforeItReturnsAndMapIsSeen(Kind kind) {
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), vm);
    iommu.enable();
    // Each of these misses is cached by a unit with caching mode.
    assertThat(bench.write(NIC, 3 * LARGE)).isEqualTo(-1);
    vm.map(2 * LARGE, 4 * LARGE, 4 * LARGE, Access.READ_WRITE);
    assertThat(bench.write(NIC, 3 * LARGE)).isEqualTo(5 * LARGE);
    assertThat(bench.write(NIC, 3 * LARGE + PAGE)).isEqualTo(5 * LARGE + PAGE);
    // A page in the middle of what may be a superpage.
    assertThat(vm.unmap(3 * LARGE, PAGE)).isTrue();
    assertThat(bench.write(NIC, 3 * LARGE)).isEqualTo(-1);
    assertThat(bench.write(NIC, 3 * LARGE + PAGE)).isEqualTo(5 * LARGE + PAGE);
    vm.map(3 * LARGE, 8 * LARGE, PAGE, Access.READ_WRITE);
    assertThat(bench.write(NIC, 3 * LARGE)).isEqualTo(8 * LARGE);
    assertThat(vm.unmap(0, 512 * LARGE)).isTrue();
    for (long iova = 2 * LARGE; iova < 6 * LARGE; iova += LARGE / 2) {
      assertThat(bench.write(NIC, iova)).isEqualTo(-1);
    }
    // The tables that were cut off are reused here; a unit that still held one would show it.
    vm.map(2 * LARGE, 0, PAGE, Access.READ_WRITE);
    assertThat(bench.write(NIC, 2 * LARGE)).isZero();
    assertThat(vm.unmap(0x100000, PAGE)).isFalse();
    bench.checkRules();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void i05_randomUseAgreesWithAnExactModel(Kind kind) {
    Random random = new Random(kind.name().hashCode());
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    long before = bench.memory.allocatedBytes();
    List<Domain> domains = new ArrayList<>();
    List<TreeMap<Long, Long>> models = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      domains.add(domain(iommu, "d" + i));
      models.add(new TreeMap<>());
    }
    int[] place = {0, 0};
    iommu.move(List.of(NIC, DISK), domains.get(0));
    iommu.enable();
    for (int step = 0; step < 400; step++) {
      int d = random.nextInt(3);
      TreeMap<Long, Long> model = models.get(d);
      long iova = random.nextInt(1200) * PAGE;
      int pages = random.nextInt(8) == 0 ? 512 : 1 + random.nextInt(5);
      switch (random.nextInt(3)) {
        case 0 -> {
          if (model.subMap(iova, iova + pages * PAGE).isEmpty()) {
            long hpa = (iova & (LARGE - 1)) + random.nextInt(32) * LARGE;
            domains.get(d).map(iova, hpa, pages * PAGE, Access.READ_WRITE);
            for (int i = 0; i < pages; i++) {
              model.put(iova + i * PAGE, hpa + i * PAGE);
            }
          }
        }
        case 1 -> {
          domains.get(d).unmap(iova, pages * PAGE);
          model.subMap(iova, iova + pages * PAGE).clear();
        }
        default -> {
          int device = random.nextInt(2);
          place[device] = d;
          iommu.move(List.of(device == 0 ? NIC : DISK), domains.get(d));
        }
      }
      for (int i = 0; i < 30; i++) {
        int device = random.nextInt(2);
        long at = i < 10 ? iova + i * PAGE : random.nextInt(1800) * PAGE;
        assertThat(bench.write(device == 0 ? NIC : DISK, at))
            .as("step %d, device %d at 0x%x", step, device, at)
            .isEqualTo(models.get(place[device]).getOrDefault(at, -1L));
      }
    }
    bench.checkRules();
    iommu.close();
    domains.forEach(Domain::close);
    // Root table and spare page were taken before the measurement, everything else after it.
    assertThat(bench.memory.allocatedBytes()).isEqualTo(before - 2 * PAGE);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void i02_noStoreOfAMoveShowsAnEntryThatIsNeitherOldNorNew(Kind kind) {
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC, DISK), host);
    iommu.enable();
    List<Long> old = entry(bench);
    Set<List<Long>> seen = new HashSet<>();
    bench.memory.afterStore = () -> seen.add(entry(bench));
    iommu.move(List.of(NIC), vm);
    bench.memory.afterStore = () -> {};
    List<Long> now = entry(bench);
    assertThat(now).isNotEqualTo(old);
    assertThat(now.get(0) & 1).isEqualTo(1);
    assertThat(seen).isSubsetOf(old, now).isNotEmpty();
  }

  private static List<Long> entry(Bench bench) {
    long[] words = bench.unit().entryInMemory(NIC.id16());
    return List.of(words[0], words[1]);
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aMoveFlushesContextEntriesFirstAndThenTheOldDomain(Kind kind) {
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC, DISK), host);
    iommu.enable();
    bench.unit().invalidations.clear();
    iommu.move(List.of(NIC), vm);
    List<String> done = new ArrayList<>(bench.unit().invalidations);
    done.remove("write buffer");
    // The host domain was the first to get an id: 1.
    assertThat(done).containsExactly("context global", "iotlb domain 1");
    bench.unit().invalidations.clear();
    iommu.move(List.of(NIC), vm);
    assertThat(bench.unit().invalidations).isEmpty();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void i14_noCommandDropsAnotherOrFiresTwice(Kind kind) {
    Bench bench = kind.bench();
    bench.unit().lag = 5;
    bench.unit().preset(0x64, 0x80000001L);
    Iommu iommu = bench.open();
    iommu.enable();
    iommu.disable();
    iommu.enable();
    assertThat(iommu.enabled()).isTrue();
    bench.checkRules();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void closedIommuLeavesRegistersAndMemoryAsFound(Kind kind) {
    Bench bench = kind.bench();
    boolean protectedMemory = (kind.cap() & 0x60) != 0;
    bench.unit().preset(0x20, 0xabc000L);
    bench.unit().preset(0x38, 0L);
    bench.unit().preset(0x90, 0xdef002L);
    bench.unit().preset(0x88, 0x40L);
    Iommu iommu = bench.open();
    assertThat(bench.unit().writes).isEmpty();
    Domain host = domain(iommu, "host");
    host.map(0, 0, 64 * LARGE, Access.READ_WRITE);
    iommu.move(List.of(NIC, FAR), host);
    iommu.enable();
    assertThat(bench.unit().peek(0x38)).isEqualTo(1L << 31);
    iommu.close();
    assertThat(iommu.enabled()).isFalse();
    assertThat(bench.unit().peek(0x1c) & ~(1L << 30)).isZero();
    assertThat(bench.unit().peek(0x20)).isEqualTo(0xabc000L);
    assertThat(bench.unit().latchedRoot()).isEqualTo(0xabc000L);
    assertThat(bench.unit().peek(0x38)).isZero();
    assertThat(bench.unit().peek(0x90)).isEqualTo(0xdef002L);
    assertThat(bench.unit().peek(0x88)).isEqualTo(0x40L);
    assertThat(protectedMemory).isFalse();
    assertThatThrownBy(() -> host.map(0, 0, PAGE, Access.READ)).isInstanceOf(VmmException.class);
    host.close();
    host.close();
    iommu.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    bench.checkRules();
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void aDomainInUseCannotBeClosedAndALeftOneCan(Kind kind) {
    Bench bench = kind.bench();
    Iommu iommu = bench.open();
    Domain host = domain(iommu, "host");
    Domain vm = domain(iommu, "vm");
    iommu.move(List.of(NIC), host);
    iommu.enable();
    iommu.move(List.of(NIC), vm);
    assertThatThrownBy(vm::close)
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY))
        .hasMessageContaining("0000:00:02.0");
    iommu.move(List.of(NIC), host);
    vm.close();
    assertThatThrownBy(() -> iommu.move(List.of(NIC), vm))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
    assertThatThrownBy(() -> iommu.createDomain(new DomainSpec("tall", -1L)))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
  }
}
