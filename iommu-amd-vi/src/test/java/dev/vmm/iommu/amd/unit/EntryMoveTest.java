package dev.vmm.iommu.amd.unit;

import static dev.vmm.iommu.amd.unit.TakenUnit.DISK;
import static dev.vmm.iommu.amd.unit.TakenUnit.FORWARDS;
import static dev.vmm.iommu.amd.unit.TakenUnit.NIC;
import static dev.vmm.iommu.amd.unit.TakenUnit.ONE;
import static dev.vmm.iommu.amd.unit.TakenUnit.STOPS;
import static dev.vmm.iommu.amd.unit.TakenUnit.THREE;
import static dev.vmm.iommu.amd.unit.TakenUnit.TO_ONE;
import static dev.vmm.iommu.amd.unit.TakenUnit.TO_THREE;
import static dev.vmm.iommu.amd.unit.TakenUnit.TO_TWO;
import static dev.vmm.iommu.amd.unit.TakenUnit.TWO;
import static dev.vmm.iommu.amd.unit.WorkingUnit.BARRIER;
import static dev.vmm.iommu.amd.unit.WorkingUnit.STORE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.support.UnitMove;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Moves by literal words of 48882 rev 3, "Device Table Entry Format" (word 0: the tables; word 1:
 * DomainID 15:0; word 2: IV 0 and IntCtl 61:60) and "Commands". The transit id is 1, the domains
 * have 2 and 3.
 */
class EntryMoveTest {
  private static final String ALL = " 7ffffffffffff003";
  private static final String FORGET_NIC = "2000000000000310";
  private static final String FORGET_TRANSIT = "3000000100000000" + ALL;
  private static final String FORGET_ONE = "3000000200000000" + ALL;
  private static final String FORGET_TWO = "3000000300000000" + ALL;

  private TakenUnit taken = new TakenUnit();
  private int one = taken.unit.allocateDomainId();
  private int two = taken.unit.allocateDomainId();

  /** One that is given up soon when it does not answer. */
  private void impatient() {
    taken = new TakenUnit(FakeUnit.IMPATIENT);
    one = taken.unit.allocateDomainId();
    two = taken.unit.allocateDomainId();
  }

  /** The NIC is in the first domain, with the unit on. */
  private void start(boolean forwards) {
    taken.move(ONE, one, forwards, NIC);
    taken.unit.enable();
  }

  private void refused(Errno errno, Runnable step, String... words) {
    assertThatThrownBy(step::run)
        .hasMessageContainingAll(words)
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno));
  }

  @Test
  void anEntryPassesThroughTheTransitIdByOneConfirmedWordAfterTheOther() {
    start(false);
    assertThat(taken.seen(() -> taken.move(TWO, two, false, NIC)))
        .containsExactly(
            "310.1=1",
            FORGET_NIC,
            STORE,
            "310.0=" + TO_TWO,
            FORGET_NIC,
            BARRIER,
            FORGET_TRANSIT,
            STORE,
            "310.1=3",
            FORGET_NIC,
            BARRIER,
            FORGET_TRANSIT,
            FORGET_ONE,
            STORE);
    assertThat(taken.entry(NIC)).isEqualTo(TO_TWO + " 3 " + STOPS);
  }

  /** A device must never send the host's messages with a guest's memory in reach. */
  @Test
  void messagesAreStoppedInTheFirstStepAndLetThroughInTheLast() {
    start(true);
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 " + FORWARDS);
    assertThat(taken.seen(() -> taken.move(TWO, two, false, NIC)))
        .startsWith("310.1=1", "310.2=1", FORGET_NIC, BARRIER, "5000000000000310", STORE)
        .endsWith("310.1=3", FORGET_NIC, BARRIER, FORGET_TRANSIT, FORGET_ONE, STORE);
    assertThat(taken.seen(() -> taken.move(ONE, one, true, NIC)))
        .startsWith("310.1=1", FORGET_NIC, STORE, "310.0=" + TO_ONE)
        .endsWith(
            "310.1=2",
            "310.2=" + FORWARDS,
            FORGET_NIC,
            BARRIER,
            "5000000000000310",
            FORGET_TRANSIT,
            FORGET_TWO,
            STORE);
  }

  /** Nothing of its messages changes on the way, nor is the unit told to forget any. */
  @Test
  void aHostsDeviceGoesOnSendingWhereverOfTheHostsItGoes() {
    start(true);
    assertThat(taken.seen(() -> taken.move(TWO, two, true, NIC)))
        .containsExactly(
            "310.1=1",
            FORGET_NIC,
            STORE,
            "310.0=" + TO_TWO,
            FORGET_NIC,
            BARRIER,
            FORGET_TRANSIT,
            STORE,
            "310.1=3",
            FORGET_NIC,
            BARRIER,
            FORGET_TRANSIT,
            FORGET_ONE,
            STORE);
    assertThat(taken.entry(NIC)).isEqualTo(TO_TWO + " 3 " + FORWARDS);
  }

  @Test
  void entriesThatGoTheSameWayGoTogether() {
    taken.move(ONE, one, false, DISK);
    start(false);
    assertThat(taken.seen(() -> taken.move(TWO, two, false, NIC, DISK)))
        .startsWith("310.1=1", "18.1=1", FORGET_NIC, "2000000000000018", STORE)
        .containsSubsequence("310.0=" + TO_TWO, "18.0=" + TO_TWO, "310.1=3", "18.1=3")
        .filteredOn(STORE::equals)
        .as("each change is confirmed for both at once")
        .hasSize(3);
    assertThat(taken.entry(DISK)).isEqualTo(TO_TWO + " 3 " + STOPS);
  }

  /** Under the transit id they would see each other's translations. */
  @Test
  void entriesThatComeFromSeveralDomainsFollowEachOther() {
    taken.move(TWO, two, false, DISK);
    start(false);
    int three = taken.unit.allocateDomainId();
    assertThat(taken.seen(() -> taken.move(THREE, three, false, NIC, DISK)))
        .filteredOn(line -> line.contains("="))
        .containsExactly(
            "310.1=1", "310.0=" + TO_THREE, "310.1=4", "18.1=1", "18.0=" + TO_THREE, "18.1=4");
  }

  @Test
  void anEntryThatIsThereAlreadyIsLeftAlone() {
    start(false);
    assertThat(taken.seen(() -> taken.move(ONE, one, false, NIC))).isEmpty();
    assertThat(taken.seen(() -> taken.move(ONE, one, false, NIC, DISK)))
        .isNotEmpty()
        .noneMatch(line -> line.startsWith("310.") || line.equals(FORGET_NIC));
  }

  @Test
  void aUnitThatIsOffIsToldNothing() {
    assertThat(taken.seen(() -> taken.move(ONE, one, true, NIC)))
        .containsExactlyInAnyOrder("310.2=" + FORWARDS, "310.1=2", "310.0=" + TO_ONE);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    move.apply();
    assertThat(taken.entry(NIC)).isEqualTo(TO_TWO + " 3 " + STOPS);
    assertThat(taken.seen(() -> assertThat(move.undo()).isTrue()))
        .containsExactlyInAnyOrder("310.2=" + FORWARDS, "310.1=2", "310.0=" + TO_ONE);
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 " + FORWARDS);
  }

  @Test
  void aMoveThatWentWellIsUndoneByTheSameWay() {
    start(true);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    move.apply();
    assertThat(taken.seen(() -> assertThat(move.undo()).isTrue()))
        .containsExactly(
            "310.1=1",
            FORGET_NIC,
            STORE,
            "310.0=" + TO_ONE,
            FORGET_NIC,
            BARRIER,
            FORGET_TRANSIT,
            STORE,
            "310.1=2",
            "310.2=" + FORWARDS,
            FORGET_NIC,
            BARRIER,
            "5000000000000310",
            FORGET_TRANSIT,
            FORGET_TWO,
            STORE);
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 " + FORWARDS);
    assertThat(taken.unit.translating()).isTrue();
  }

  /**
   * Where the unit has not confirmed a change it may know either word; no two may meet that never
   * belonged together, so that the last change leaves an entry that leads nowhere.
   */
  @ParameterizedTest
  @CsvSource({"0, " + TO_ONE + " 2", "1, " + TO_ONE + " 1", "2, 3 3"})
  void anEntryIsPutBackAsFarAsOneWordCan(int confirmed, String words) {
    for (boolean forwards : new boolean[] {false, true}) {
      impatient();
      start(forwards);
      taken.hardware.deafAfter(confirmed);
      UnitMove move = taken.moving(TWO, two, !forwards, NIC);
      refused(Errno.ETIMEDOUT, move::apply, "did not finish the commands");
      taken.hardware.hear();
      assertThat(taken.seen(() -> assertThat(move.undo()).isFalse()))
          .as("too late: it is not asked again")
          .noneMatch(line -> line.equals(STORE) || line.equals(FORGET_NIC));
      String interrupts = forwards ? FORWARDS : STOPS;
      assertThat(taken.entry(NIC)).isEqualTo(words + " " + interrupts);
      UnitMove next = taken.moving(TWO, two, false, NIC);
      refused(Errno.EIO, next::apply, "did not confirm an earlier invalidation");
      taken.unit.disable();
      assertThat(taken.entry(NIC)).as("the unit is off").isEqualTo(TO_ONE + " 2 " + interrupts);
    }
  }

  /** What was confirmed on the way back decides as it does on the way there. */
  @ParameterizedTest
  @CsvSource({"0, 3 1", "1, 3 1", "2, " + TO_ONE + " 2"})
  void aWayBackThatIsNotConfirmedEndsAsFarAsOneWordCanToo(int confirmed, String words) {
    impatient();
    start(true);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    move.apply();
    taken.hardware.deafAfter(confirmed);
    assertThat(move.undo()).isFalse();
    taken.hardware.hear();
    assertThat(taken.entry(NIC)).isEqualTo(words + " " + FORWARDS);
    refused(Errno.EIO, taken.unit::check, "did not confirm");
    taken.unit.disable();
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 " + FORWARDS);
    taken.unit.enable();
    taken.unit.check();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2})
  void whatAFailedMoveLeftIsSetRightOnce(int confirmed) {
    impatient();
    start(false);
    taken.hardware.deafAfter(confirmed);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    refused(Errno.ETIMEDOUT, move::apply, "did not finish");
    assertThat(move.undo()).isFalse();
    taken.hardware.hear();
    taken.unit.disable();
    int three = taken.unit.allocateDomainId();
    taken.move(THREE, three, true, NIC);
    taken.unit.enable();
    taken.unit.disable();
    assertThat(taken.entry(NIC)).isEqualTo(TO_THREE + " 4 " + FORWARDS);
  }

  /** Nobody knows what the table holds then: translation must not start with it again. */
  @Test
  void aUnitWhoseTableCannotBePutRightIsNotStartedAgain() {
    start(false);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    move.apply();
    taken.hardware.broken = hpa -> hpa >= taken.table.base();
    assertThat(move.undo()).isFalse();
    taken.hardware.broken = hpa -> false;
    taken.unit.disable();
    refused(Errno.EIO, taken.unit::enable, "did not confirm", "no memory answers");
    assertThat(taken.unit.translates()).isFalse();
  }

  @Test
  void aStoreThatFailsHalfWayIsToldAndLeadsBack() {
    start(false);
    UnitMove move = taken.moving(TWO, two, false, NIC);
    long first = taken.table.base() + 32L * NIC;
    taken.hardware.broken = hpa -> hpa == first;
    refused(Errno.EIO, move::apply, "no memory answers");
    taken.hardware.broken = hpa -> false;
    assertThat(move.undo()).isFalse();
    assertThat(taken.entry(NIC)).isEqualTo(TO_ONE + " 2 " + STOPS);
    refused(Errno.EIO, taken.unit::check, "did not confirm");
  }
}
