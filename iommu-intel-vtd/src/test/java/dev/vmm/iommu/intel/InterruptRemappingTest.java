package dev.vmm.iommu.intel;

import static dev.vmm.iommu.intel.fake.Bench.DISK;
import static dev.vmm.iommu.intel.fake.Bench.GPU;
import static dev.vmm.iommu.intel.fake.Bench.NIC;
import static dev.vmm.iommu.intel.fake.Bench.domain;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.CAP;
import static dev.vmm.iommu.intel.fake.FakeVtdUnit.ECAP;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiTable;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptRemapping;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.iommu.intel.dmar.DmarBuilder;
import dev.vmm.iommu.intel.fake.Bench;
import dev.vmm.iommu.intel.fake.FakeVtdUnit;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Interrupt remapping by a unit that was written for itself, in literal words of the book. */
class InterruptRemappingTest {
  private static final long TE = 1L << 31;
  private static final long QIE = 1L << 26;
  private static final long IRE = 1L << 25;
  private static final long SIRTP = 1L << 24;
  private static final long CFI = 1L << 23;
  private static final long IRTA = 0xb8;
  private static final long EIM = 1L << 4;
  private static final InterruptTarget TARGET =
      InterruptTarget.of(new MsiMessage(0xfee1_2000L, 0x41));
  private static final InterruptTarget OTHER =
      InterruptTarget.of(new MsiMessage(0xfee0_300cL, 0x8152));

  private static InterruptRemapping remapping(Iommu iommu) {
    return iommu.interruptRemapping().orElseThrow();
  }

  private static long send(Bench bench, int sourceId, MsiMessage message) {
    return bench.unit().interrupt(sourceId, message.address(), message.data());
  }

  private static long[] entry(Bench bench, int index) {
    long at = (bench.unit().peek(IRTA) & ~0xfffL) + 16L * index;
    return new long[] {bench.memory.unitRead64(at), bench.memory.unitRead64(at + 8)};
  }

  @Test
  void i14_aStartRemapsInterruptsBeforeItTranslatesAndACloseEndsItAfter() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    FakeVtdUnit unit = bench.unit();
    unit.preset(IRTA, 0x5000L);
    List<Long> commands = new ArrayList<>();
    unit.onCommand = commands::add;
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(commands).containsExactly(1L << 30, SIRTP, QIE, QIE | IRE, QIE | IRE | TE);
    assertThat(unit.invalidations)
        .containsExactly("interrupts global", "context global", "iotlb global");
    assertThat(unit.peek(IRTA) & 0xfff).as("S: 1024 entries, EIME clear").isEqualTo(9);

    commands.clear();
    iommu.close();
    assertThat(commands.subList(0, 2)).containsExactly(QIE | IRE, QIE);
    assertThat(commands).as("the old table is taken over again").contains(QIE | SIRTP);
    assertThat(unit.peek(IRTA)).isEqualTo(0x5000L);
    assertThat(bench.memory.allocatedBytes()).isZero();
    bench.checkRules();
  }

  @Test
  void theOldFormatIsBlockedFromTheStartAndAsItWasAfterTheClose() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    bench.unit().preset(0x1c, CFI);
    Iommu iommu = bench.open();
    iommu.enable();
    assertThat(bench.unit().peek(0x1c) & (CFI | IRE)).isEqualTo(IRE);
    iommu.close();
    assertThat(bench.unit().peek(0x1c) & (CFI | IRE)).isEqualTo(CFI);
    bench.checkRules();
  }

  @Test
  void entriesAndMessagesAreAsTheBookShowsThem() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries first = remapping(iommu).allocate(NIC, 3);
    InterruptEntries second = remapping(iommu).allocate(DISK, 2);
    // SHV and the remappable format; the handle in bits 19:5.
    assertThat(first.message(0)).isEqualTo(new MsiMessage(0xfee0_0018L, 0));
    assertThat(first.message(2)).isEqualTo(new MsiMessage(0xfee0_0018L, 2));
    assertThat(second.message(1)).isEqualTo(new MsiMessage(0xfee0_0098L, 1));
    first.route(1, TARGET);
    assertThat(entry(bench, 1)).containsExactly(0x0000_1200_0041_0001L, 0x4_0010L);
    second.route(0, OTHER);
    // Destination 3; vector 52h; lowest priority, level, hint, logical, present.
    assertThat(entry(bench, 4)).containsExactly(0x0000_0300_0052_003dL, 0x4_0018L);
    first.block(1);
    assertThat(entry(bench, 1)).containsExactly(0L, 0x4_0010L);
    first.close();
    second.close();
    assertThat(entry(bench, 4)[0]).isZero();
    iommu.close();
    bench.checkRules();
  }

  /** Handles above 7fffh have their highest bit in bit 2 of the address. */
  @Test
  void theHighestHandleBitIsBitTwo() {
    assertThat(dev.vmm.iommu.intel.structs.RemappableMessage.of(0x8001, 5))
        .isEqualTo(new MsiMessage(0xfee0_003cL, 5));
  }

  @ParameterizedTest
  @ValueSource(longs = {CAP, CAP | 1 << 7})
  void i05_whatAnEntryWasIsForgottenWhenItsChangeReturns(long cap) {
    Bench bench = Bench.one(cap, ECAP).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries entries = remapping(iommu).allocate(NIC, 1);
    MsiMessage message = entries.message(0);
    int nic = NIC.id16();
    assertThat(send(bench, nic, message)).isEqualTo(-1);
    entries.route(0, TARGET);
    assertThat(send(bench, nic, message) >>> 16 & 0xff).isEqualTo(0x41);
    assertThat(send(bench, DISK.id16(), message)).as("another's").isEqualTo(-1);
    entries.route(0, OTHER);
    assertThat(send(bench, nic, message) >>> 16 & 0xff).isEqualTo(0x52);
    entries.block(0);
    assertThat(send(bench, nic, message)).isEqualTo(-1);
    entries.route(0, TARGET);
    assertThat(send(bench, nic, message) >>> 16 & 0xff).isEqualTo(0x41);
    entries.close();
    assertThat(send(bench, nic, message)).isEqualTo(-1);
    iommu.close();
    bench.checkRules();
  }

  /** After each store and flush the unit sees an entry that is old, new or not present. */
  @Test
  void i15_noStoreShowsPartsOfTwoEntries() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    List<List<Long>> seen = new ArrayList<>();
    bench.memory.afterStore =
        () -> {
          long[] now = entry(bench, 0);
          if ((now[0] & 1) != 0) {
            seen.add(List.of(now[0], now[1]));
          }
        };
    InterruptEntries nic = remapping(iommu).allocate(NIC, 1);
    nic.route(0, TARGET);
    nic.route(0, OTHER);
    nic.close();
    remapping(iommu).allocate(DISK, 1).route(0, TARGET);
    bench.memory.afterStore = () -> {};
    assertThat(seen.stream().distinct())
        .containsExactly(
            List.of(0x0000_1200_0041_0001L, 0x4_0010L),
            List.of(0x0000_0300_0052_003dL, 0x4_0010L),
            List.of(0x0000_1200_0041_0001L, 0x4_0018L));
    iommu.close();
    bench.checkRules();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 2})
  void anEntryThatIsNotAmongThemIsRefused(int index) {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    try (Iommu iommu = bench.open()) {
      InterruptEntries entries = remapping(iommu).allocate(NIC, 2);
      fails(Errno.EINVAL, () -> entries.message(index));
      fails(Errno.EINVAL, () -> entries.route(index, TARGET));
      fails(Errno.EINVAL, () -> entries.block(index));
      entries.close();
    }
  }

  /** MHMV, ECAP_REG 23:20: how many index bits a request may leave out. */
  @ParameterizedTest
  @CsvSource({"1, interrupts 0x2 1", "0, interrupts global"})
  void moreEntriesThanOneRequestCanNameAreForgottenWithAllOthers(long mhmv, String request) {
    Bench bench = Bench.one(CAP, (ECAP & ~0xf0_0000L) | mhmv << 20).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    remapping(iommu).allocate(DISK, 1);
    InterruptEntries entries = remapping(iommu).allocate(NIC, 2);
    entries.route(0, TARGET);
    entries.route(1, TARGET);
    bench.unit().invalidations.clear();
    entries.close();
    assertThat(bench.unit().invalidations).containsExactly(request);
    iommu.close();
    bench.checkRules();
  }

  @Test
  void i13_anEntryWhoseEndIsNotConfirmedIsGivenToNobody() {
    Bench bench = Bench.one(CAP, ECAP).interrupts().impatient();
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries entries = remapping(iommu).allocate(NIC, 1);
    entries.route(0, TARGET);
    bench.unit().hangInvalidations = true;
    fails(Errno.ETIMEDOUT, entries::close);
    bench.unit().hangInvalidations = false;
    fails(Errno.EIO, entries::close);
    fails(Errno.EIO, () -> remapping(iommu).allocate(DISK, 1));
    fails(Errno.EIO, () -> iommu.move(List.of(NIC), domain(iommu, "d")));
    // A start that forgets everything heals the unit; the entries are still their owner's.
    iommu.disable();
    iommu.enable();
    InterruptEntries next = remapping(iommu).allocate(DISK, 1);
    assertThat(next.message(0)).isNotEqualTo(entries.message(0));
    entries.close();
    assertThat(remapping(iommu).allocate(DISK, 1).message(0)).isEqualTo(entries.message(0));
    iommu.close();
  }

  @Test
  void i16_aBlockedMessageIsToldWithItsEntry() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    bench.unit().interrupt(NIC.id16(), 0xfee0_1000L, 0x41);
    assertThat(iommu.drainFaults().faults())
        .extracting(DmaFault::rid, DmaFault::iova, DmaFault::reasonCode)
        .containsExactly(org.assertj.core.groups.Tuple.tuple(NIC, 0xfee0_0000L, 0x25));
    bench.unit().interrupt(NIC.id16(), 0xfee0_0018L, 0x123);
    assertThat(iommu.drainFaults().faults())
        .extracting(DmaFault::rid, DmaFault::iova, DmaFault::reasonCode)
        .containsExactly(org.assertj.core.groups.Tuple.tuple(NIC, 0xfee0_2470L, 0x22));
    iommu.close();
  }

  @Test
  void destinationsHave32BitsOnlyWhereAProcessorNeedsThemAndTheUnitHasThem() {
    InterruptTarget far = new InterruptTarget(0x1234, false, false, 0, false, 0x41);
    for (boolean has : new boolean[] {true, false}) {
      // 0xff in 8 bits is every processor.
      for (int id : new int[] {0xfe, 0xff, 0x1234}) {
        Bench bench = Bench.one(CAP, has ? ECAP | EIM : ECAP & ~EIM).interrupts();
        bench.machine.with(madt(id));
        Iommu iommu = bench.open();
        iommu.enable();
        boolean extended = has && id >= 0xff;
        assertThat(bench.unit().peek(IRTA) & 1 << 11).isEqualTo(extended ? 1 << 11 : 0);
        InterruptEntries entries = remapping(iommu).allocate(NIC, 1);
        if (extended) {
          entries.route(0, far);
          assertThat(entry(bench, 0)[0]).isEqualTo(0x0000_1234_0041_0001L);
        } else {
          fails(Errno.EINVAL, () -> entries.route(0, far));
          assertThat(entry(bench, 0)[0]).isZero();
        }
        iommu.close();
        bench.checkRules();
      }
    }
  }

  private static AcpiTable madt(int x2apicId) {
    ByteBuffer bytes = ByteBuffer.allocate(44 + 8 + 16).order(ByteOrder.LITTLE_ENDIAN);
    bytes.put("APIC".getBytes(java.nio.charset.StandardCharsets.US_ASCII)).putInt(68);
    bytes.position(44);
    bytes.put(new byte[] {0, 8, 0, 0, 1, 0, 0, 0});
    bytes.put(new byte[] {9, 16, 0, 0}).putInt(x2apicId).putInt(1).putInt(0);
    return AcpiTable.of(bytes.array(), "test");
  }

  @Test
  void aRemappingThatIsGivenUpLeavesTheUnitAsItIs() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    bench.unit().preset(IRTA, 0x5000L);
    Iommu iommu = bench.open();
    InterruptRemapping remapping = remapping(iommu);
    InterruptEntries entries = remapping.allocate(NIC, 1);
    entries.route(0, TARGET);
    remapping.forgo();
    entries.close();
    fails(Errno.EINVAL, () -> entries.route(0, TARGET));
    iommu.enable();
    assertThat(bench.unit().peek(0x1c) & IRE).isZero();
    assertThat(bench.unit().peek(IRTA)).isEqualTo(0x5000L);
    assertThat(remapping.active(NIC)).isFalse();
    iommu.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    bench.checkRules();
  }

  /** IRE is off, and IRTA_REG still names the table. */
  @Test
  void i05_aTableThatTheUnitMayKnowIsNotGivenUp() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    bench.unit().preset(IRTA, 0x5000L);
    Iommu iommu = bench.open();
    InterruptRemapping remapping = remapping(iommu);
    iommu.enable();
    long table = bench.unit().peek(IRTA) & ~0xfffL;
    bench.unit().lostWrite = IRTA;
    fails(Errno.EIO, iommu::disable);
    assertThat(bench.unit().peek(0x1c) & (IRE | TE)).isZero();
    fails(Errno.EINVAL, remapping::forgo);
    assertThat(bench.memory.isFree(table)).isFalse();
    bench.unit().lostWrite = -1;
    iommu.disable();
    remapping.forgo();
    assertThat(bench.memory.isFree(table)).isTrue();
    iommu.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    bench.checkRules();
  }

  /** A device under the first could forge what the platform takes for remapped. */
  @Test
  void aRemappingThatOneUnitHasGivenUpIsOfferedNoMoreThoughAnotherHasNot() {
    Bench bench = Bench.two(CAP, ECAP, CAP).interrupts();
    Iommu iommu = bench.open();
    InterruptRemapping remapping = remapping(iommu);
    iommu.enable();
    fails(Errno.EINVAL, remapping::forgo);
    assertThat(iommu.interruptRemapping()).as("no unit has").isPresent();
    bench.units.get(1).lostWrite = IRTA;
    fails(Errno.EIO, iommu::disable);
    fails(Errno.EINVAL, remapping::forgo);
    assertThat(iommu.interruptRemapping()).isEmpty();
    fails(Errno.EINVAL, () -> remapping.allocate(NIC, 1));
    bench.units.get(1).lostWrite = -1;
    iommu.close();
    assertThat(bench.memory.allocatedBytes()).isZero();
    bench.checkRules();
  }

  /** Not by what was asked of the unit: a close that failed may have done either. */
  @Test
  void whetherMessagesAreRemappedIsReadFromTheStatus() {
    Bench bench = Bench.one(CAP, ECAP).interrupts();
    Iommu iommu = bench.open();
    InterruptRemapping remapping = remapping(iommu);
    assertThat(remapping.forwardsHost()).isFalse();
    assertThat(remapping.active(NIC)).isFalse();
    iommu.enable();
    assertThat(remapping.active(NIC)).isTrue();
    fails(Errno.EINVAL, remapping::forgo);
    iommu.close();
    assertThat(remapping.active(NIC)).isFalse();
    bench.checkRules();
  }

  /** They are told at the start, as nobody gives their pins entries. */
  @Test
  void ioApicsAreThoseThatTheTableNames() {
    DmarBuilder dmar =
        new DmarBuilder()
            .drhd(false, 0, Bench.BASE, DmarBuilder.scope(3, 0, 2, 0xf0, 0x1f, 7))
            .drhd(
                true,
                0,
                Bench.BASE + 0x1000,
                DmarBuilder.scope(3, 0, 3, 0xf0, 0x1f, 6),
                DmarBuilder.scope(4, 0, 0, 0xf0, 0x1f, 5));
    assertThat(InterruptPlan.ioApics(dmar.parse())).isEqualTo(2);
  }

  @Test
  void entriesAreOfTheUnitThatTheirSourceIsUnder() {
    Bench bench = Bench.two(CAP, ECAP, CAP).interrupts();
    Iommu iommu = bench.open();
    iommu.enable();
    InterruptEntries gpu = remapping(iommu).allocate(GPU, 1);
    InterruptEntries nic = remapping(iommu).allocate(NIC, 1);
    gpu.route(0, TARGET);
    nic.route(0, OTHER);
    MsiMessage message = gpu.message(0);
    assertThat(nic.message(0)).isEqualTo(message);
    FakeVtdUnit first = bench.units.get(0);
    FakeVtdUnit second = bench.units.get(1);
    assertThat(first.interrupt(GPU.id16(), message.address(), 0) >>> 16 & 0xff).isEqualTo(0x41);
    assertThat(second.interrupt(NIC.id16(), message.address(), 0) >>> 16 & 0xff).isEqualTo(0x52);
    iommu.close();
    bench.checkRules();
  }

  @Test
  void withoutAQueueInterruptsAreLeftAlone() {
    Bench bench = Bench.one(CAP, ECAP).interrupts().registers();
    try (Iommu iommu = bench.open()) {
      assertThat(iommu.interruptRemapping()).isEmpty();
      iommu.enable();
      assertThat(bench.unit().peek(0x1c) & IRE).isZero();
    }
    bench.checkRules();
  }

  private static void fails(
      Errno errno, org.assertj.core.api.ThrowableAssert.ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }
}
