package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.TakenUnit.BEHIND;
import static dev.vmm.iommu.amd.unit.TakenUnit.BRIDGE;
import static dev.vmm.iommu.amd.unit.TakenUnit.FORWARDS;
import static dev.vmm.iommu.amd.unit.TakenUnit.HPET;
import static dev.vmm.iommu.amd.unit.TakenUnit.IO_APIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.NEAR_IO_APIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.NIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.ONE;
import static dev.vmm.iommu.amd.unit.TakenUnit.TWO;
import static dev.vmm.iommu.amd.unit.WorkingUnit.BARRIER;
import static dev.vmm.iommu.amd.unit.WorkingUnit.STORE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.InterruptEntries;
import dev.vmm.iommu.InterruptTarget;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;
import org.junit.jupiter.api.Test;

/**
 * Interrupt entries by literal words of 48882 rev 3: word 2 of "Device Table Entry Format" (IV 0,
 * IntTabLen 4:1, table 51:6, IntCtl 61:60), "Interrupt Remapping Tables" and
 * "INVALIDATE_INTERRUPT_TABLE" (opcode 5).
 */
class InterruptTablesTest {
  private static final InterruptTarget TARGET =
      InterruptTarget.of(new MsiMessage(0xfee0_1000L, 0x41));

  /** RemapEn 0, destination 15:8, vector 23:16. */
  private static final long ROUTED = 0x41_0101;

  private static final String FORGET_NIC = "2000000000000310";
  private static final String FORGET_INTERRUPTS = "5000000000000310";

  private TakenUnit taken = new TakenUnit();

  private InterruptEntries reserve(int id, int count) {
    return taken.unit.allocateInterrupts(Rid.of(TakenUnit.SEGMENT, id), count);
  }

  /** The entry's table, by its device table entry, which leads to one of 512 entries. */
  private long tableOf(int id) {
    long word = taken.word(id, 2);
    assertThat(word & ~0xf_ffff_ffff_f000L).isEqualTo(0x2000_0000_0000_0013L);
    return word & 0xf_ffff_ffff_f000L;
  }

  private long entry(long table, int index) {
    return taken.hardware.memory.read(table + 4L * index, 4);
  }

  private static void refused(Errno errno, Runnable step, String... words) {
    assertThatThrownBy(step::run)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  /** A unit that confirmed nothing when an entry was blocked, and listens again. */
  private InterruptEntries poisoned() {
    taken = new TakenUnit(FakeUnit.IMPATIENT);
    taken.unit.enable();
    InterruptEntries entries = reserve(NIC, 2);
    entries.route(0, TARGET);
    entries.route(1, TARGET);
    taken.hardware.deafAfter(0);
    refused(Errno.ETIMEDOUT, () -> entries.block(0), "did not finish");
    taken.hardware.hear();
    return entries;
  }

  @Test
  void aFirstEntryHasTheIdLeadToATableAndLaterOnesTellNothing() {
    taken.unit.enable();
    assertThat(taken.seen(() -> reserve(NIC, 1)))
        .hasSize(5)
        .endsWith(FORGET_NIC, BARRIER, FORGET_INTERRUPTS, STORE)
        .first()
        .asString()
        .isEqualTo(String.format("310.2=%x", 0x2000_0000_0000_0013L | tableOf(NIC)));
    assertThat(taken.seen(() -> reserve(NIC, 4))).isEmpty();
  }

  @Test
  void anEntryIsAMessageAndAWordThatTheUnitForgets() {
    taken.unit.enable();
    reserve(NIC, 1);
    InterruptEntries entries = reserve(NIC, 2);
    assertThat(entries.message(1)).isEqualTo(new MsiMessage(0xfee0_0000L, 3));
    assertThat(taken.seen(() -> entries.route(1, TARGET)))
        .containsExactly(FORGET_INTERRUPTS, STORE);
    assertThat(entry(tableOf(NIC), 3)).isEqualTo(ROUTED);
    assertThat(taken.seen(() -> entries.block(1))).containsExactly(FORGET_INTERRUPTS, STORE);
    assertThat(entry(tableOf(NIC), 3)).isZero();
  }

  /** The unit sees their messages under the alias, and reads the entry of either. */
  @Test
  void anIdAndItsAliasLeadToOneTable() {
    taken.unit.enable();
    assertThat(taken.seen(() -> reserve(BEHIND, 1)))
        .endsWith(
            "2000000000000320",
            "2000000000000300",
            BARRIER,
            "5000000000000320",
            "5000000000000300",
            STORE);
    assertThat(tableOf(BRIDGE)).isEqualTo(tableOf(BEHIND));
    InterruptEntries own = reserve(BRIDGE, 1);
    assertThat(own.message(0).data()).isEqualTo(1);
    assertThat(taken.seen(() -> own.route(0, TARGET)))
        .containsExactly("5000000000000300", "5000000000000320", STORE);
  }

  /** Others of the same alias have a table; what this one sends arrives under that id. */
  @Test
  void anIdThatReservedNothingIsLedToNoTable() {
    int guest = taken.unit.allocateDomainId();
    reserve(BRIDGE, 1);
    taken.move(ONE, guest, false, BEHIND, BRIDGE);
    tableOf(BRIDGE);
    assertThat(taken.entry(BEHIND)).endsWith(" 1");
  }

  /** Its entry leads there as soon as it is a guest's. */
  @Test
  void aHostsDeviceGoesOnSendingItsMessagesAsTheyAre() {
    int host = taken.unit.allocateDomainId();
    int guest = taken.unit.allocateDomainId();
    taken.move(ONE, host, true, NIC);
    taken.unit.enable();
    InterruptEntries[] entries = new InterruptEntries[1];
    assertThat(taken.seen(() -> entries[0] = reserve(NIC, 1))).isEmpty();
    assertThat(taken.entry(NIC)).endsWith(" " + FORWARDS);
    taken.move(TWO, guest, false, NIC);
    long table = tableOf(NIC);
    taken.move(ONE, host, true, NIC);
    assertThat(taken.entry(NIC)).endsWith(" " + FORWARDS);
    long held = taken.hardware.memory.allocatedBytes();
    assertThat(taken.seen(entries[0]::close)).containsExactly(FORGET_INTERRUPTS, STORE);
    assertThat(taken.entry(NIC)).endsWith(" " + FORWARDS);
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(held - 0x1000);
    taken.move(TWO, guest, false, NIC);
    assertThat(taken.entry(NIC)).as("0x%x is gone", table).endsWith(" 1");
  }

  @Test
  void theLastEntryTakesItsTableAlong() {
    long before = taken.hardware.memory.allocatedBytes();
    taken.unit.enable();
    long on = taken.hardware.memory.allocatedBytes();
    InterruptEntries one = reserve(BEHIND, 2);
    InterruptEntries other = reserve(BRIDGE, 1);
    one.route(0, TARGET);
    assertThat(taken.seen(one::close))
        .containsExactly("5000000000000300", "5000000000000320", STORE);
    assertThat(entry(tableOf(BEHIND), 0)).isZero();
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(on + 0x1000);
    assertThat(taken.seen(other::close))
        .containsExactly(
            "300.2=1",
            "320.2=1",
            "2000000000000300",
            "2000000000000320",
            BARRIER,
            "5000000000000300",
            "5000000000000320",
            STORE);
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(on);
    taken.unit.disable();
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(before);
  }

  /** By then another may have the same. */
  @Test
  void entriesThatWereGivenBackChangeNothingAnyMore() {
    taken.unit.enable();
    reserve(NIC, 1);
    InterruptEntries old = reserve(NIC, 1);
    old.close();
    InterruptEntries other = reserve(NIC, 1);
    assertThat(other.message(0)).isEqualTo(old.message(0));
    other.route(0, TARGET);
    assertThat(
            taken.seen(
                () -> {
                  refused(Errno.EINVAL, () -> old.route(0, TARGET), "are closed");
                  old.block(0);
                  old.close();
                }))
        .isEmpty();
    assertThat(entry(tableOf(NIC), 1)).isEqualTo(ROUTED);
    assertThat(reserve(NIC, 1).message(0).data()).as("1 is still taken").isEqualTo(2);
  }

  /** Its tables are somebody else's memory by then. */
  @Test
  void entriesOfAUnitThatWasGivenUpChangeNothingEither() {
    taken.unit.enable();
    InterruptEntries entries = reserve(NIC, 1);
    long table = tableOf(NIC);
    taken.unit.close();
    long held = taken.hardware.memory.allocatedBytes();
    taken.hardware.memory.write(table, 4, ROUTED);
    refused(Errno.EINVAL, () -> entries.route(0, TARGET), "are closed");
    entries.block(0);
    entries.close();
    assertThat(entry(table, 0)).isEqualTo(ROUTED);
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(held);
  }

  @Test
  void aUnitThatIsOffIsToldNothing() {
    InterruptEntries[] entries = new InterruptEntries[1];
    assertThat(taken.seen(() -> entries[0] = reserve(NIC, 1))).hasSize(1);
    assertThat(
            taken.seen(
                () -> {
                  entries[0].route(0, TARGET);
                  assertThat(entry(tableOf(NIC), 0)).isEqualTo(ROUTED);
                  entries[0].block(0);
                }))
        .isEmpty();
    assertThat(taken.seen(entries[0]::close)).containsExactly("310.2=1");
  }

  @Test
  void aUnitThatCannotForgetEverythingAtOnceForgetsTheEntriesOfEachId() {
    taken = new TakenUnit(FakeUnit.PATIENT, true, TakenUnit.config(4, false));
    reserve(BEHIND, 1);
    reserve(NIC, 1);
    taken.unit.enable();
    assertThat(taken.hardware.done.stream().filter(word -> word >>> 60 == 5))
        .containsExactly(0x5000_0000_0000_0300L, 0x5000_0000_0000_0320L, 0x5000_0000_0000_0310L);
  }

  @Test
  void anInterruptControllersMessagesAreNotRemappedNorThoseOfAnIdThatSharesIts() {
    for (int id : new int[] {IO_APIC, NEAR_IO_APIC}) {
      refused(
          Errno.EPERM,
          () -> reserve(id, 1),
          "unit amdvi0",
          "cannot remap the interrupts of 0002:00:14.0",
          "an I/O APIC's or HPET's");
    }
    refused(Errno.EPERM, () -> reserve(HPET, 1), "of 0002:00:14.1");
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(DeviceTable.BYTES);
  }

  @Test
  void aTableThatIsFullOrTooSmallIsTold() {
    String[] words = {"unit amdvi0", "0002:03:02.0", "of the 512 that its table has"};
    refused(Errno.ENOSPC, () -> reserve(NIC, 513), words);
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(DeviceTable.BYTES);
    InterruptEntries all = reserve(NIC, 512);
    refused(Errno.ENOSPC, () -> reserve(NIC, 1), words);
    all.close();
    assertThat(reserve(NIC, 1).message(0).data()).isZero();
  }

  /** The entry is blocked all the same: the unit may read it anew at any time. */
  @Test
  void aUnitThatConfirmsNothingIsNotAskedAgainUntilItIsOff() {
    InterruptEntries entries = poisoned();
    long table = tableOf(NIC);
    assertThat(entry(table, 0)).isZero();
    assertThat(
            taken.seen(
                () -> {
                  refused(Errno.EIO, () -> entries.block(1), "did not confirm");
                  refused(Errno.EIO, () -> entries.route(0, TARGET), "did not confirm");
                  refused(Errno.EIO, () -> reserve(NIC, 1), "did not confirm");
                }))
        .isEmpty();
    assertThat(entry(table, 1)).isZero();
    assertThat(entry(table, 0)).isZero();
    taken.unit.disable();
    entries.route(0, TARGET);
    assertThat(entry(table, 0)).isEqualTo(ROUTED);
  }

  @Test
  void entriesWhoseEndIsNotConfirmedStayTaken() {
    InterruptEntries entries = poisoned();
    refused(Errno.EIO, entries::close, "did not confirm");
    taken.unit.disable();
    taken.unit.enable();
    InterruptEntries other = reserve(NIC, 1);
    assertThat(other.message(0).data()).isEqualTo(2);
    other.route(0, TARGET);
    entries.close();
    assertThat(reserve(NIC, 2).message(0).data()).isZero();
  }

  /** The device table entry was stopped the first time. */
  @Test
  void anEndThatIsTriedAgainAfterARestartTellsOnlyWhatTheUnitMayKnow() {
    InterruptEntries entries = poisoned();
    refused(Errno.EIO, entries::close, "did not confirm");
    assertThat(taken.entry(NIC)).endsWith(" 1");
    taken.unit.disable();
    taken.unit.enable();
    assertThat(taken.seen(entries::close)).containsExactly(FORGET_INTERRUPTS, STORE);
  }

  @Test
  void aTableOfWhichTheUnitKnowsNothingYetIsKept() {
    taken = new TakenUnit(FakeUnit.IMPATIENT);
    taken.unit.enable();
    long held = taken.hardware.memory.allocatedBytes();
    taken.hardware.deafAfter(0);
    refused(Errno.ETIMEDOUT, () -> reserve(NIC, 1), "did not finish");
    taken.hardware.hear();
    assertThat(taken.hardware.memory.allocatedBytes()).isEqualTo(held + 0x1000);
    long table = tableOf(NIC);
    taken.unit.disable();
    taken.unit.enable();
    assertThat(reserve(NIC, 1).message(0).data()).isZero();
    assertThat(tableOf(NIC)).isEqualTo(table);
  }

  @Test
  void memoryThatFailsLeavesAUnitThatIsOnInDoubtAndOneThatIsOffNot() {
    for (boolean on : new boolean[] {false, true}) {
      taken = new TakenUnit();
      if (on) {
        taken.unit.enable();
      }
      InterruptEntries entries = reserve(NIC, 1);
      taken.hardware.broken = hpa -> true;
      refused(
          Errno.EIO,
          () -> entries.route(0, TARGET),
          "no memory answers",
          on ? "to forget what was changed" : "to change its interrupt tables");
      taken.hardware.broken = hpa -> false;
      if (on) {
        refused(Errno.EIO, () -> entries.route(0, TARGET), "did not confirm");
      } else {
        entries.route(0, TARGET);
        taken.unit.enable();
        taken.unit.check();
      }
    }
  }

  @Test
  void anEntryWhoseIdCannotBeLedToItsTableIsNotTaken() {
    taken.hardware.broken =
        hpa -> hpa >= taken.table.base() && hpa < taken.table.base() + 0x20_0000;
    refused(
        Errno.EIO, () -> reserve(NIC, 8), "no memory answers", "to change its interrupt tables");
    taken.hardware.broken = hpa -> false;
    assertThat(reserve(NIC, 1).message(0).data()).isZero();
  }
}
