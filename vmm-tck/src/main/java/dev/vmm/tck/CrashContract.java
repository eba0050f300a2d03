package dev.vmm.tck;

import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/**
 * Crash consistency on the embedded machine: each operation of the hardware in turn fails, once or
 * for good, while a device is attached, assigned, taken back or detached, a VM destroyed, its
 * memory changed, the I/O MMU started. After each failure every function is in one domain
 * (invariant 2, by what its DMA reaches), all is as before or as documented (4, 6, 7), nothing has
 * leaked, the hardware was used by the book, and the same works once the failure is gone.
 *
 * <p>Where a unit did not confirm, a device may reach what it reached before, or was to reach. That
 * memory must then be nobody else's and must never be given back to the machine: it is kept for
 * good, and this is no leak (invariants 5 and 13).
 *
 * <p>A subclass says in {@link #subject()} which back end, and which {@code model:} machine. The
 * machine is opened once for each failure, and mostly waits for a unit that does not answer, so
 * that the tests run side by side where the platform's configuration allows that.
 */
@Execution(ExecutionMode.CONCURRENT)
public abstract class CrashContract {
  /** For subclasses. */
  protected CrashContract() {}

  /**
   * Returns what is put to the test: a machine of the embedded kind, and tunables with which a unit
   * that does not answer is given up after some ten milliseconds.
   */
  protected abstract TckSubject subject();

  /**
   * Returns how far apart the operations are that are made to fail: 1 for each of them, more for a
   * selection. The system property {@code vmm.tck.stride} multiplies it.
   */
  protected int stride() {
    return 1;
  }

  /**
   * Says whether the function that the failures are about is one whose requester id a bridge
   * replaces, so that several ids move together; else it has one of its own.
   */
  protected boolean behindABridge() {
    return false;
  }

  /** The first assign, and with it the start. */
  @TestFactory
  Stream<DynamicTest> i04_i06_aStartThatFailsAnywhereIsUndoneAndCanBeTriedAgain() {
    return all(CrashCase.START);
  }

  /** An assign with the I/O MMU on. */
  @TestFactory
  Stream<DynamicTest> i06_anAssignThatFailsAnywhereLeavesDeviceAndVmAsBefore() {
    return all(CrashCase.ASSIGN);
  }

  /** An assign to a VM that has a device. */
  @TestFactory
  Stream<DynamicTest> i06_anAssignToAVmWithADeviceThatFailsAnywhereLeavesBothAsBefore() {
    return all(CrashCase.JOIN);
  }

  /** An unassign. */
  @TestFactory
  Stream<DynamicTest> i06_anUnassignThatFailsAnywhereEndsParkedOrBlockedAndBroken() {
    return all(CrashCase.UNASSIGN);
  }

  /** The end of a VM. */
  @TestFactory
  Stream<DynamicTest> i07_aVmWhoseEndFailsAnywhereIsDestroyedAndItsDeviceReachesNothing() {
    return all(CrashCase.DESTROY);
  }

  /** A detach. */
  @TestFactory
  Stream<DynamicTest> i06_aDetachThatFailsAnywhereLeavesTheDeviceBlocked() {
    return all(CrashCase.DETACH);
  }

  /** An attach. */
  @TestFactory
  Stream<DynamicTest> i06_anAttachThatFailsAnywhereLeavesTheDeviceTheHosts() {
    return all(CrashCase.ATTACH);
  }

  /** An interrupt. */
  @TestFactory
  Stream<DynamicTest> i06_aSetUpOfMsiThatFailsAnywhereLeavesNoInterrupt() {
    return all(CrashCase.SETUP_MSI);
  }

  /** More memory. */
  @TestFactory
  Stream<DynamicTest> i02_memoryThatCannotBeAddedIsReachedByNoDevice() {
    return all(CrashCase.ADD_MEMORY);
  }

  /** Less memory. */
  @TestFactory
  Stream<DynamicTest> i05_memoryThatCannotBeRemovedIsNeverFreedWhileADeviceMayReachIt() {
    return all(CrashCase.REMOVE_MEMORY);
  }

  /** A move over several units. */
  @TestFactory
  Stream<DynamicTest> i06_aMoveThatOneUnitDoesNotTakeIsTakenBackOnTheOthers() {
    return alone(UnitFailure.MOVE);
  }

  /** An unmap that several units are to hear of. */
  @TestFactory
  Stream<DynamicTest> i05_anUnmapThatOneUnitDoesNotConfirmIsKnownToTheOthers() {
    return alone(UnitFailure.UNMAP);
  }

  /** A unit that does not turn off, for now. */
  @TestFactory
  Stream<DynamicTest> i05_aUnitThatDidNotTurnOffForgetsAsBefore() {
    return alone(UnitFailure.DISABLE);
  }

  /** A unit that does not turn off at the end. */
  @TestFactory
  Stream<DynamicTest> i05_tablesOfAUnitThatDoesNotTurnOffAreKept() {
    return alone(UnitFailure.CLOSE);
  }

  private Stream<DynamicTest> alone(UnitFailure operation) {
    return operation.plans().stream()
        .map(
            plan ->
                DynamicTest.dynamicTest(plan.toString(), () -> operation.exhaust(subject(), plan)));
  }

  /** Failures without end, on a unit whose domain ids would end long before. */
  @TestFactory
  Stream<DynamicTest> i06_assignsThatFailWithoutEndLeakNeitherPagesNorDomainIds() {
    return Stream.of(
            new CrashPlan(Operation.ALLOCATE, Effect.FAIL, false),
            new CrashPlan(Operation.RESET, Effect.FAIL, true),
            new CrashPlan(Operation.CONFIG_WRITE, Effect.FAIL, false))
        .map(
            plan ->
                DynamicTest.dynamicTest(
                    plan.toString(),
                    () ->
                        new CrashRun(subject(), behindABridge(), CrashCase.ASSIGN, plan, 1)
                            .failWithoutEnd()));
  }

  private Stream<DynamicTest> all(CrashCase operation) {
    return plans().stream()
        .map(
            plan ->
                DynamicTest.dynamicTest(
                    plan.toString(),
                    () ->
                        new CrashRun(subject(), behindABridge(), operation, plan, stride())
                            .exhaust()));
  }

  private static List<CrashPlan> plans() {
    List<CrashPlan> plans = new ArrayList<>();
    for (boolean forGood : new boolean[] {false, true}) {
      for (Operation hardware : Operation.values()) {
        Arrays.stream(Effect.values())
            .map(effect -> new CrashPlan(hardware, effect, forGood))
            .filter(CrashPlan::makesSense)
            .forEach(plans::add);
      }
    }
    return plans;
  }
}
