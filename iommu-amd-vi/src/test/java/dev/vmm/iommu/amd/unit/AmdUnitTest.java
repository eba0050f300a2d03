package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_BASE;
import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_RUN;
import static dev.vmm.iommu.amd.unit.FakeUnit.CONTROL;
import static dev.vmm.iommu.amd.unit.FakeUnit.DEVICE_TABLE;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_BASE;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_OVERFLOW;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_TAIL;
import static dev.vmm.iommu.amd.unit.FakeUnit.EXCLUSION;
import static dev.vmm.iommu.amd.unit.FakeUnit.STATUS;
import static dev.vmm.iommu.amd.unit.TakenUnit.IO_APIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.NIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.ONE;
import static dev.vmm.iommu.amd.unit.TakenUnit.TO_ONE;
import static dev.vmm.iommu.amd.unit.WorkingUnit.STORE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.DmaFault;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The life of a unit, by the literal offsets and bits of 48882 rev 3, "IOMMU MMIO Registers". */
class AmdUnitTest {
  private TakenUnit taken = new TakenUnit();

  private static void refused(Errno errno, Runnable step, String... words) {
    assertThatThrownBy(step::run)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  /** All that the unit reads is in place before IommuEn, and all is forgotten right after. */
  @Test
  void aUnitIsTurnedOnInTheBooksOrder() {
    TakenUnit inherited = new TakenUnit(inherited(), true, TakenUnit.config(4, true));
    assertThat(inherited.unit.translates()).isFalse();
    assertThat(inherited.hardware.writes).as("taking it over writes nothing").isEmpty();

    inherited.unit.enable();

    FakeUnit hardware = inherited.hardware;
    assertThat(hardware.writes)
        .containsExactly(
            "0x18=0x400",
            "0x20=0xf0000000",
            String.format("0x0=0x%x", inherited.table.base() | 0x1ff),
            String.format("0x8=0x%x", hardware.ring(COMMAND_BASE) | 9L << 56),
            "0x2000=0x0",
            "0x2008=0x0",
            String.format("0x10=0x%x", hardware.ring(EVENT_BASE) | 9L << 56),
            "0x2010=0x0",
            "0x2018=0x0",
            "0x2020=0x27",
            "0x18=0x1404",
            "0x18=0x1405",
            "0x2008=0x20");
    assertThat(inherited.hardware.story).endsWith("8000000000000000", STORE);
    assertThat(inherited.unit.translates()).isTrue();
    assertThat(inherited.unit.translating()).isTrue();
  }

  /** Off, but with an exclusion range, an overflow and other bits of STATUS that 1 clears. */
  private static WorkingUnit inherited() {
    WorkingUnit hardware = new WorkingUnit(FakeUnit.PATIENT);
    hardware.values.put(EXCLUSION, 0xf000_0003L);
    hardware.values.put(STATUS, 0x27L);
    hardware.values.put(CONTROL, 0x1000_0000L);
    hardware.values.put(DEVICE_TABLE, 0x123_4000L);
    return hardware;
  }

  @Test
  void aStatusThatIsClearIsNotWritten() {
    taken.unit.enable();
    taken.unit.disable();
    assertThat(taken.hardware.writes).noneMatch(write -> write.startsWith("0x2020="));
  }

  @Test
  void anOverflowThatCannotBeClearedEndsTheStart() {
    TakenUnit inherited = new TakenUnit(inherited(), true, TakenUnit.config(4, true));
    inherited.hardware.stuck.add(STATUS);
    refused(Errno.EIO, inherited.unit::enable, "did not take a write", "STATUS", "0x27");
    assertThat(inherited.hardware.writes).as("not on").doesNotContain("0x18=0x1405");
  }

  @Test
  void aDeviceTableThatTheUnitDoesNotTakeEndsTheStart() {
    taken.hardware.stuck.add(DEVICE_TABLE);
    refused(Errno.EIO, taken.unit::enable, "did not take a write", "DEV_TAB_BASE");
    assertThat(taken.hardware.writes).noneMatch(write -> write.matches("0x18=0x\\w+5"));
    taken.hardware.stuck.clear();
    taken.unit.enable();
  }

  /** SmiFEn is bit 22; there is one register, which names nobody. */
  @Test
  void aFilterThatFirmwareTurnedOnStaysOn() {
    WorkingUnit filtering = new WorkingUnit(FakeUnit.PATIENT);
    filtering.values.put(CONTROL, 1L << 22);
    UnitConfig config = new UnitConfig(TakenUnit.SEGMENT, 4, false, true, 1, true, 1 << 10);
    TakenUnit other = new TakenUnit(filtering, true, config);
    other.unit.enable();
    assertThat(other.hardware.writes).contains("0x18=0x401404", "0x18=0x401405");
  }

  @Test
  void aUnitIsTurnedOffBeforeItsRingsAndGoesBackAsItWasFound() {
    TakenUnit inherited = new TakenUnit(inherited(), true, TakenUnit.config(4, true));
    Map<Integer, Long> found = new TreeMap<>(inherited.hardware.values);
    long held = inherited.hardware.memory.allocatedBytes();
    inherited.unit.enable();
    assertThat(inherited.hardware.memory.allocatedBytes())
        .as("two rings and a word to wait for")
        .isEqualTo(held + 2 * 0x2000 + 0x1000);
    inherited.hardware.values.merge(STATUS, 3L, (old, more) -> old | more);

    List<String> seen = inherited.seen(inherited.unit::disable);

    assertThat(seen).containsExactly("CONTROL=1404", "CONTROL=400", "CONTROL=10000000");
    found.put(STATUS, 0L);
    inherited.hardware.values.values().removeIf(value -> value == 0);
    found.values().removeIf(value -> value == 0);
    assertThat(inherited.hardware.values).isEqualTo(found);
    assertThat(inherited.hardware.memory.allocatedBytes()).isEqualTo(held);
    assertThat(inherited.unit.translating()).isFalse();
    assertThat(inherited.unit.translates()).isFalse();
  }

  @Test
  void aUnitFinishesWhatItWasToldBeforeItIsTurnedOff() {
    taken = new TakenUnit(FakeUnit.IMPATIENT);
    taken.unit.enable();
    taken.hardware.deafAfter(0);
    refused(Errno.ETIMEDOUT, () -> taken.unit.flush(2, 0x5000, 0x1000, true), "did not finish");
    taken.hardware.hear();
    assertThat(taken.seen(taken.unit::disable))
        .startsWith("3000000200000000 5000", STORE, "CONTROL=1404");
  }

  @Test
  void whatIsOffIsNotFlushedAndWhatIsPoisonedIsTrustedAfterARestart() {
    taken = new TakenUnit(FakeUnit.IMPATIENT);
    assertThat(taken.seen(() -> taken.unit.flush(2, 0x5000, 0x1000, true))).isEmpty();
    taken.unit.enable();
    taken.hardware.deafAfter(0);
    refused(Errno.ETIMEDOUT, () -> taken.unit.flush(2, 0, 0x1000, true), "did not finish");
    refused(Errno.EIO, taken.unit::check, "did not confirm");
    taken.hardware.hear();
    taken.unit.disable();
    taken.unit.check();
    taken.unit.enable();
    taken.unit.check();
    assertThat(taken.seen(() -> taken.unit.flush(2, 0x5000, 0x1000, false)))
        .containsExactly("3000000200000000 5002", STORE);
  }

  /** IO_PAGE_FAULT is code 2. */
  private void fault(long iova) {
    long at = taken.hardware.ring(EVENT_BASE) + taken.hardware.read(EVENT_TAIL, 8);
    taken.hardware.memory.write64(at + 8, iova);
    taken.hardware.memory.write64(at, 2L << 60 | NIC);
    taken.hardware.values.merge(EVENT_TAIL, 16L, Long::sum);
  }

  @Test
  void faultsAreToldOfAUnitThatIsOnAndWithItsSegment() {
    taken.unit.enable();
    fault(0x7000);
    List<DmaFault> faults = new ArrayList<>();
    assertThat(taken.unit.drainFaults(faults)).as("none were lost").isFalse();
    assertThat(faults)
        .singleElement()
        .satisfies(
            fault -> {
              assertThat(fault.unit()).isEqualTo("amdvi0");
              assertThat(fault.rid()).isEqualTo(Rid.of(2, NIC));
              assertThat(fault.iova()).isEqualTo(0x7000);
            });
    taken.hardware.values.put(STATUS, COMMAND_RUN | EVENT_OVERFLOW);
    assertThat(taken.unit.drainFaults(faults)).as("it overflowed").isTrue();
    taken.unit.disable();
    taken.hardware.values.put(STATUS, -1L);
    assertThat(taken.unit.drainFaults(faults)).as("off: it is not asked").isFalse();
    assertThat(faults).hasSize(1);
  }

  /** A unit that is neither on nor off belongs to the stop that is tried again, not to its log. */
  @Test
  void aUnitThatCouldNotBeTurnedOffIsNotAskedForFaults() {
    taken.unit.enable();
    fault(0x7000);
    taken.hardware.stuck.add(CONTROL);
    refused(Errno.EIO, taken.unit::disable, "did not take a write", "CONTROL");
    List<DmaFault> faults = new ArrayList<>();
    assertThat(taken.unit.drainFaults(faults)).isFalse();
    assertThat(faults).isEmpty();
    assertThat(taken.unit.translating()).as("it may").isTrue();
    taken.hardware.stuck.clear();
    taken.unit.disable();
    assertThat(taken.unit.translating()).isFalse();
  }

  /** Between IommuEn and the flush a unit may still see what it remembers. */
  @Test
  void faultsFromBeforeAUnitKnewItsTablesAreNobodys() {
    WorkingUnit early =
        new WorkingUnit(FakeUnit.PATIENT) {
          @Override
          void written(int register) {
            if (register == CONTROL && (read(CONTROL, 8) & 1) != 0) {
              memory.write64(ring(EVENT_BASE), 2L << 60 | NIC);
              values.put(EVENT_TAIL, 16L);
            }
            super.written(register);
          }
        };
    taken = new TakenUnit(early, true, TakenUnit.config(4, true));
    taken.unit.enable();
    List<DmaFault> faults = new ArrayList<>();
    assertThat(taken.unit.drainFaults(faults)).isFalse();
    assertThat(faults).isEmpty();
  }

  /** Nine bits for each level over the twelve of a page; six would be 66. */
  @ParameterizedTest
  @CsvSource({
    "4, 1, 21",
    "4, 3, 39",
    "4, 4, 48",
    "4, 5, 0",
    "5, 5, 57",
    "6, 5, 57",
    "6, 6, 63",
    "5, 6, 0"
  })
  void aUnitReachesAsFarAsItsLevelsGo(int most, int levels, int bits) {
    assertThat(AmdUnit.reachBits(most, levels)).isEqualTo(bits);
    TakenUnit other = new TakenUnit(FakeUnit.PATIENT, true, TakenUnit.config(most, true));
    assertThat(other.unit.reachBits(levels)).isEqualTo(bits);
  }

  /** 0 is nobody's; the transit id is one of the unit's own. */
  @Test
  void everyOtherDomainIdIsGivenOutOnce() {
    Set<Integer> ids = new HashSet<>();
    for (int i = 0; i < 0xfffe; i++) {
      assertThat(ids.add(taken.unit.allocateDomainId())).isTrue();
    }
    assertThat(ids).doesNotContain(0, taken.unit.transitId()).contains(0xffff);
    assertThat(taken.unit.transitId()).isEqualTo(1);
    assertThat(AmdUnit.MAX_DOMAINS).isEqualTo(ids.size());
    refused(Errno.ENOSPC, taken.unit::allocateDomainId, "has no domain id left");
    taken.unit.freeDomainId(7);
    assertThat(taken.unit.allocateDomainId()).isEqualTo(7);
  }

  @Test
  void anInterruptControllersIdIsNoGuests() {
    assertThat(taken.unit.forwardsHostInterrupts()).isTrue();
    taken.unit.admitToGuest(new int[] {NIC});
    refused(
        Errno.EPERM,
        () -> taken.unit.admitToGuest(new int[] {NIC, IO_APIC}),
        "unit amdvi0 at 0xfed80000",
        "0002:00:14.0",
        "an I/O APIC's or HPET's messages");
  }

  /** Then IV is clear in every entry, and all pass wherever the device is. */
  @Test
  void withoutRemappingAnEntrySaysNothingOfInterrupts() {
    taken = new TakenUnit(FakeUnit.PATIENT, false, TakenUnit.config(4, true));
    int domain = taken.unit.allocateDomainId();
    taken.move(ONE, domain, true, NIC);
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 0");
    taken.unit.enable();
    assertThat(taken.seen(() -> taken.move(ONE, domain, true, NIC))).as("it is there").isEmpty();
    taken.unit.admitToGuest(new int[] {IO_APIC});
  }

  @Test
  void aUnitThatIsGivenUpGivesEverythingBack() {
    taken.unit.allocateInterrupts(Rid.of(2, NIC), 3);
    taken.unit.enable();
    taken.unit.close();
    assertThat(taken.hardware.memory.allocatedBytes()).isZero();
    assertThat(taken.unit.gone()).isTrue();
    refused(
        Errno.EINVAL,
        () -> taken.unit.allocateInterrupts(Rid.of(2, NIC), 1),
        "0002:03:02.0",
        "was given up",
        "open the I/O MMU again");
    assertThat(taken.hardware.memory.allocatedBytes()).isZero();
    taken.unit.close();
  }
}
