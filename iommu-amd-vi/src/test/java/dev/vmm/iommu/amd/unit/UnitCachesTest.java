package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.FakeUnit.COMMAND_EN;
import static dev.vmm.iommu.amd.unit.FakeUnit.EVENT_LOG_EN;
import static dev.vmm.iommu.amd.unit.WorkingUnit.BARRIER;
import static dev.vmm.iommu.amd.unit.WorkingUnit.STORE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What a unit is told of each change, by literal words of 48882 rev 3, "Commands": opcode 63:60 (1
 * COMPLETION_WAIT, 2 INVALIDATE_DEVTAB_ENTRY, 3 INVALIDATE_IOMMU_PAGES, 5
 * INVALIDATE_INTERRUPT_TABLE, 8 INVALIDATE_IOMMU_ALL), the DeviceID in 15:0, the DomainID in 47:32.
 */
class UnitCachesTest {
  /** Everything of a domain, links to tables included: PDE 1, S 0, and no bit that is 0. */
  private static final String ALL = " 7ffffffffffff003";

  private WorkingUnit unit = new WorkingUnit(FakeUnit.PATIENT);

  private UnitCaches caches(boolean npCache, boolean all) {
    EventLog events = new EventLog(unit.registers, unit.memory, true, 0, unit.control);
    events.start();
    CommandBuffer commands = new CommandBuffer(unit.registers, unit.memory, true, events);
    commands.start();
    unit.control.set(COMMAND_EN | EVENT_LOG_EN);
    return new UnitCaches(unit.registers, commands, npCache, all);
  }

  private List<String> told(Runnable change) {
    unit.story.clear();
    change.run();
    return List.copyOf(unit.story);
  }

  @Test
  void aChangedEntryIsForgottenBeforeWhatItLedTo() {
    UnitCaches caches = caches(false, true);
    assertThat(told(() -> caches.entriesChanged(List.of(0x310, 0x18), List.of(), 3, 0xfffe)))
        .containsExactly(
            "2000000000000310",
            "2000000000000018",
            BARRIER,
            "3000000300000000" + ALL,
            "3000fffe00000000" + ALL,
            STORE);
    assertThat(told(() -> caches.entriesChanged(List.of(0x310), List.of(0x310))))
        .containsExactly("2000000000000310", BARRIER, "5000000000000310", STORE);
    assertThat(told(() -> caches.entriesChanged(List.of(0x310), List.of())))
        .as("nothing that could be brought back")
        .containsExactly("2000000000000310", STORE);
    assertThat(told(() -> caches.entriesChanged(List.of(), List.of(0x18), 3)))
        .as("no entry that could bring back")
        .containsExactly("5000000000000018", "3000000300000000" + ALL, STORE);
  }

  @Test
  void everythingIsOneCommandWhereTheUnitHasIt() {
    UnitCaches caches = caches(false, true);
    assertThat(told(() -> caches.flushAll(List.of(0x18))))
        .containsExactly("8000000000000000", STORE);
  }

  @Test
  void elseEveryDeviceIsForgottenAndThenEveryDomain() {
    UnitCaches caches = caches(false, false);
    List<String> words = told(() -> caches.flushAll(List.of(0x18)));
    assertThat(words).hasSize(65536 + 1 + 1 + 65536 + 1);
    assertThat(words.subList(0, 65536)).first().isEqualTo("2000000000000000");
    assertThat(words.subList(0, 65536)).last().isEqualTo("200000000000ffff");
    assertThat(words.get(65536)).isEqualTo(BARRIER);
    assertThat(words.get(65537)).isEqualTo("5000000000000018");
    assertThat(words.subList(65538, 2 * 65536 + 2)).first().isEqualTo("3000000000000000" + ALL);
    assertThat(words.subList(65538, 2 * 65536 + 2)).last().isEqualTo("3000ffff00000000" + ALL);
    assertThat(words.subList(0, 65536)).doesNotHaveDuplicates();
    assertThat(words).last().isEqualTo(STORE);
  }

  @Test
  void newPagesAreToldOnlyToAUnitThatRemembersTheirAbsence() {
    UnitCaches forgets = caches(false, true);
    assertThat(told(() -> forgets.published(3, 0x20_0000, 0x1000))).isEmpty();
    assertThat(forgets.needsPublishing()).isFalse();
    UnitCaches remembers = caches(true, true);
    assertThat(told(() -> remembers.published(3, 0x20_0000, 0x1000)))
        .containsExactly("3000000300000000 200002", STORE);
    assertThat(remembers.needsPublishing()).isTrue();
  }

  /** With the links to tables (PDE, bit 1) unless only leaves were changed. */
  @Test
  void aRangeIsForgottenByOneCommand() {
    UnitCaches caches = caches(false, true);
    assertThat(told(() -> caches.flushRange(3, 0x5000, 0x1000, true)))
        .containsExactly("3000000300000000 5000", STORE);
    assertThat(told(() -> caches.flushRange(0xfffe, 0x6000, 0x2000, false)))
        .containsExactly("3000fffe00000000 6003", STORE);
  }

  @Test
  void aUnitThatDoesNotConfirmIsToldNothingMoreUntilItIsOff() {
    unit = new WorkingUnit(FakeUnit.IMPATIENT);
    UnitCaches caches = caches(false, true);
    assertThat(caches.poisoned()).isFalse();
    unit.atMost = 0;
    fails(Errno.ETIMEDOUT, () -> caches.flushRange(3, 0, 0x1000, true), "did not finish");
    unit.atMost = Integer.MAX_VALUE;
    assertThat(caches.poisoned()).isTrue();
    assertThat(caches.needsPublishing()).as("so that the next map fails, too").isTrue();
    List<String> words =
        told(
            () -> {
              fails(Errno.EIO, caches::check, "did not confirm");
              fails(Errno.EIO, () -> caches.flushRange(3, 0, 0x1000, true), "did not confirm");
              fails(Errno.EIO, () -> caches.published(3, 0, 0x1000), "did not confirm");
            });
    assertThat(words).isEmpty();
    caches.heal();
    caches.check();
    assertThat(caches.poisoned()).isFalse();
    assertThat(caches.needsPublishing()).isFalse();
    assertThat(told(() -> caches.flushRange(3, 0, 0x1000, true))).last().isEqualTo(STORE);
  }

  @Test
  void aChangeThatFailedHalfWayPoisonsAndOneOfTheTablesForGood() {
    UnitCaches caches = caches(false, true);
    IllegalStateException cause = new IllegalStateException("no memory answers");
    assertThat(caches.inDoubt(cause)).hasMessageContaining("no memory answers").hasCause(cause);
    assertThat(caches.poisoned()).isTrue();
    caches.heal();
    caches.tablesInDoubt(cause);
    fails(Errno.EIO, caches::heal, "did not confirm");
    assertThat(caches.poisoned()).isTrue();
  }

  private static void fails(Errno errno, Runnable step, String words) {
    assertThatThrownBy(step::run)
        .hasMessageContaining(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }
}
