package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.ppt.PptState;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One kind of failure of one operation, at every step of it: each in a world of its own, several at
 * a time, since most of the time some unit is waited for.
 */
final class CrashRun {
  private static final int THREADS = 8;
  private static final int MORE_THAN_DOMAIN_IDS = 20;
  private static final long NEVER_THAT_MANY = 20_000;
  private static final Set<Errno> HARDWARE =
      EnumSet.of(Errno.EIO, Errno.ETIMEDOUT, Errno.ENXIO, Errno.ENOMEM);

  private final TckSubject subject;
  private final boolean behindABridge;
  private final CrashCase operation;
  private final CrashPlan plan;
  private final int stride;

  CrashRun(
      TckSubject subject, boolean behindABridge, CrashCase operation, CrashPlan plan, int stride) {
    this.subject = subject;
    this.behindABridge = behindABridge;
    this.operation = operation;
    this.plan = plan;
    this.stride = stride * plan.stride() * Integer.getInteger("vmm.tck.stride", 1);
  }

  private CrashWorld world() {
    return new CrashWorld(subject.openMachine(), subject.tunables(), behindABridge);
  }

  /** Fails every operation in turn until one is not reached. */
  void exhaust() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      // Few at first: most failures have few steps, and what is beyond the last costs as much.
      int atOnce = THREADS / 2;
      for (long n = 1; n < NEVER_THAT_MANY; atOnce = Math.min(2 * atOnce, 4 * THREADS)) {
        List<Future<Boolean>> reached = new ArrayList<>();
        for (int i = 0; i < atOnce; i++, n += stride) {
          long at = n;
          reached.add(threads.submit(() -> one(at)));
        }
        boolean all = true;
        for (Future<Boolean> each : reached) {
          all &= reached(each);
        }
        if (!all) {
          return;
        }
      }
      throw new AssertionError(operation + " never got past " + plan);
    } finally {
      threads.shutdownNow();
    }
  }

  private static boolean reached(Future<Boolean> attempt) throws Exception {
    try {
      return attempt.get(120, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof AssertionError failure) {
        throw failure;
      }
      throw e;
    }
  }

  /** Fails at each step more often than there are domain ids, and then succeeds. */
  void failWithoutEnd() {
    try (CrashWorld world = world()) {
      operation.prepare(world);
      long allocated = world.machine.memory().allocatedBytes();
      for (long n = 1; failsOften(world, n); n += stride) {
        String when = String.format("%s with %s, n=%d, again and again", operation, plan, n);
        operation.undone(world, when, false);
        assertThat(world.machine.memory().allocatedBytes()).as(when).isEqualTo(allocated);
      }
      String end = operation + " after many failures";
      operation.done(world, end);
      world.assertPlaces(end);
      world.takeDown(end);
      world.assertNoViolations(end);
    }
  }

  /** Returns false if the operation succeeded, since it has no n-th step. */
  private boolean failsOften(CrashWorld world, long n) {
    for (int i = 0; i < MORE_THAN_DOMAIN_IDS; i++) {
      plan.arm(world.machine.injector(), n);
      try {
        operation.run(world);
        // What needs a page in any case may have one put aside.
        assertThat(world.machine.injector().fired() && plan.hardware() != Operation.ALLOCATE)
            .as("%s, n=%d: succeeded though it failed", plan, n)
            .isFalse();
        return false;
      } catch (VmmException e) {
        assertSensible(e, plan + ", n=" + n);
      } finally {
        world.machine.injector().clear();
      }
    }
    return true;
  }

  /** Returns whether the n-th operation was reached, and so failed. */
  private boolean one(long n) {
    try (CrashWorld world = world()) {
      String when = String.format("%s with %s, n=%d", operation, plan, n);
      operation.prepare(world);
      world.assertPlaces(when + ", before");
      world.begin();
      plan.arm(world.machine.injector(), n);
      VmmException failure = null;
      try {
        operation.run(world);
      } catch (VmmException e) {
        failure = e;
      }
      boolean fired = world.machine.injector().fired();
      world.machine.injector().clear();
      if (failure != null) {
        when += ", which failed with " + failure.errno() + " (" + failure.getMessage() + ")";
      }
      try {
        outcome(world, fired, failure, when);
      } catch (AssertionError e) {
        if (failure != null) {
          e.addSuppressed(failure);
        }
        throw e;
      }
      return fired;
    }
  }

  private void outcome(
      CrashWorld world, boolean fired, @Nullable VmmException failure, String when) {
    if (plan.deceivesUnits()) {
      // A unit that got half of what it was told is misused without anybody's fault.
      world.machine.violations().take();
    }
    world.assertNoViolations(when);
    if (!fired || plan.effect() == Effect.DELAY) {
      assertThat(failure).as("%s: hardware that is only slow", when).isNull();
    }
    if (plan.deceives()) {
      deceived(world, failure, when);
      return;
    }
    if (failure == null && plan.deceivesUnits()) {
      if (operation == CrashCase.START) {
        // No unit has anything cached yet: what it was not told must have been noticed.
        operation.done(world, when);
        world.assertPlaces(when);
      }
      restarted(world, when);
      world.assertNoViolations(when + ", at the end");
      return;
    }
    if (failure == null) {
      operation.done(world, when);
      world.assertPlaces(when);
      world.takeDown(when);
      world.assertNoViolations(when + ", at the end");
      return;
    }
    assertSensible(failure, when);
    if (plan.hardware() == Operation.CONFIG_WRITE && plan.forGood()) {
      world.couldNotWriteBack();
    }
    boolean inDoubt = plan.concernsUnits();
    operation.undone(world, when, inDoubt);
    assertSingleFailureBreaksNothing(world, when, inDoubt);
    if (inDoubt) {
      world.assertPlacesInDoubt(operation.placesInDoubt(), when);
    } else {
      world.assertPlaces(when);
    }
    retry(world, when, inDoubt);
    world.assertNoViolations(when + ", at the end");
  }

  private void assertSensible(VmmException failure, String when) {
    assertThat(failure.errno()).as(when).isIn(HARDWARE);
    assertThat(failure.getMessage())
        .as(when)
        .hasSizeGreaterThan(30)
        .doesNotContain("unexpectedly", "NullPointer", "IllegalState", "IllegalArgument");
  }

  /** One failure alone must not break a device that could be put back. */
  private void assertSingleFailureBreaksNothing(CrashWorld world, String when, boolean inDoubt) {
    if (!operation.takesBack() && !plan.forGood() && !inDoubt) {
      assertThat(world.state()).as(when).isNotEqualTo(PptState.BROKEN);
    }
  }

  private void retry(CrashWorld world, String when, boolean inDoubt) {
    String again = when + "; tried again";
    try {
      operation.retry(world);
    } catch (VmmException e) {
      assertThat(inDoubt)
          .as("%s: refused with %s, though no unit is in doubt", again, e.getMessage())
          .isTrue();
      assertSensible(e, again);
      assertThat(world.restart(again, !plan.deceivesUnits())).as(again).isTrue();
      try {
        operation.prepare(world);
        operation.run(world);
      } catch (VmmException stuck) {
        assertHangsForGood(stuck, again);
        return;
      }
      operation.done(world, again + " after a restart");
      world.assertPlaces(again + " after a restart");
      world.takeDownLeaky(again + " after a restart");
      return;
    }
    operation.done(world, again);
    world.assertPlaces(again);
    if (inDoubt) {
      world.takeDownLeaky(again);
    } else {
      world.takeDown(again);
    }
  }

  /** A register that waits for its invalidation for ever cannot be started anew either. */
  private void assertHangsForGood(VmmException refusal, String when) {
    assertThat(plan.hardware()).as("%s: %s", when, refusal).isEqualTo(Operation.COMPLETION);
    assertThat(refusal.getCause())
        .as(when)
        .isInstanceOfSatisfying(
            VmmException.class, cause -> assertThat(cause.errno()).isEqualTo(Errno.ETIMEDOUT));
  }

  /**
   * What holds even if software was told something wrong: nobody reaches what is not his, and the
   * machine can be used again.
   */
  private void deceived(CrashWorld world, @Nullable VmmException failure, String when) {
    if (failure != null) {
      assertThat(failure.getMessage())
          .as(when)
          .hasSizeGreaterThan(30)
          .doesNotContain("unexpectedly");
    }
    world.assertNobodyReachesTooMuch(when);
    restarted(world, when);
  }

  private void restarted(CrashWorld world, String when) {
    assertThat(world.restart(when, false))
        .as("%s: whether the device can be reset, given back and had anew", when)
        .isTrue();
    CrashCase.START.prepare(world);
    CrashCase.START.run(world);
    CrashCase.START.done(world, when + ", after a restart");
    world.assertPlaces(when + ", after a restart");
    world.takeDownLeaky(when + ", after a restart");
  }
}
