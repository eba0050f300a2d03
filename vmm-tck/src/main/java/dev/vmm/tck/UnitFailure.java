package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.VmmException;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.inject.Effect;
import dev.vmm.machine.model.inject.Operation;
import dev.vmm.pci.Rid;
import dev.vmm.tck.DmaPort.Outcome;
import dev.vmm.tck.DmaPort.Transfer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a back end by itself does while one of its units fails: the platform would not ask it for
 * some of it. Each failure has a machine of its own.
 */
enum UnitFailure {
  /** A move of functions of several units; the healthy ones have taken it when another fails. */
  MOVE(2, false) {
    @Override
    void run(World world) {
      // Devices go on meanwhile: what they find on the way is cached.
      world.stage.machine().afterEachWrite(world::touch);
      VmmException failure = world.failure(() -> world.session.iommu().move(world.rids, world.to));
      world.stage.machine().afterEachWrite(() -> {});
      if (failure == null) {
        world.rids.forEach(rid -> world.assertReads(rid, World.NEW, "moved"));
        return;
      }
      List<Transfer> got = world.touch();
      for (int i = 0; i < got.size(); i++) {
        Rid rid = world.rids.get(i);
        assertThat(world.session.iommu().domainOf(rid)).as(world.when).hasValue(world.from);
        if (world.isHealthy(rid)) {
          world.assertRead(rid, got.get(i), World.OLD, "taken back");
        } else {
          world.assertInDoubt(rid, got.get(i), "taken back", World.OLD, World.NEW);
        }
      }
      // Not what is left of it in a unit that failed.
      world.failure(world.to::close);
    }
  },

  /** An unmap in a domain that several units know. */
  UNMAP(2, false) {
    @Override
    void run(World world) {
      VmmException failure = world.failure(() -> world.from.unmap(World.IOVA, World.PAGE));
      List<Transfer> got = world.touch();
      for (int i = 0; i < got.size(); i++) {
        Rid rid = world.rids.get(i);
        if (failure == null || world.isHealthy(rid)) {
          world.assertBlocked(rid, got.get(i), "unmapped");
        } else {
          world.assertInDoubt(rid, got.get(i), "unmapped", World.OLD);
        }
      }
    }
  },

  /** Translation is to be turned off, stays on in some unit, and all goes on. */
  DISABLE(1, false) {
    @Override
    void run(World world) {
      VmmException failure = world.failure(() -> world.session.iommu().disable());
      if (failure != null && world.session.iommu().enabled()) {
        world.from.unmap(World.IOVA, World.PAGE);
        world.rids.forEach(rid -> world.assertBlocked(rid, world.port.read(rid, World.IOVA), "on"));
      }
    }
  },

  /** The end, with units that stay on; then the end once more, with units that obey. */
  CLOSE(1, true) {
    @Override
    void run(World world) {
      VmmException failure = world.failure(() -> world.session.iommu().close());
      assertThat(failure != null).as("%s: failed", world.when).isEqualTo(world.fired);
      world.from.close();
      world.to.close();
      world.touch();
      world.assertByTheBook();
      // A buffer that once was told to stop and did not may never do so.
      world.failure(() -> world.session.iommu().close());
    }
  };

  private static final int NEVER_THAT_MANY = 200;

  private final int units;
  private final boolean forGood;

  UnitFailure(int units, boolean forGood) {
    this.units = units;
    this.forGood = forGood;
  }

  /** The operation and what must hold after it, with the failure planned for it. */
  abstract void run(World world);

  /** Returns what fails: at once, or by not answering. */
  List<CrashPlan> plans() {
    Operation unanswered = units > 1 ? Operation.COMPLETION : Operation.STATUS;
    return List.of(
        new CrashPlan(Operation.REGISTER_WRITE, Effect.FAIL, forGood),
        new CrashPlan(unanswered, Effect.LOSE, forGood));
  }

  /** Fails each step in turn; of what lasts only the first. */
  void exhaust(TckSubject subject, CrashPlan plan) {
    for (int n = 1; n < NEVER_THAT_MANY; n++) {
      if (!fails(subject, plan, n) || forGood) {
        return;
      }
    }
    throw new AssertionError(this + " never got past " + plan);
  }

  private boolean fails(TckSubject subject, CrashPlan plan, int n) {
    try (World world = new World(subject, plan, this + " with " + plan + ", n=" + n)) {
      assumeTrue(world.rids.size() >= units, () -> subject + " has one unit");
      plan.arm(world.model.injector(), n);
      run(world);
      world.assertByTheBook();
      return world.fired;
    }
  }

  /** A function of each unit, all in one domain, with another domain beside it. */
  static final class World implements AutoCloseable {
    static final long PAGE = 0x1000;
    static final long IOVA = 0x20_0000;
    static final long OLD = 0x01d0_0000;
    static final long NEW = 0x0e30_0000;

    final String when;
    final Stage stage;
    final ModelMachine model;
    final SpiSession session;
    final DmaPort port;
    final List<Rid> rids = new ArrayList<>();
    final Domain from;
    final Domain to;
    final Domain elsewhere;
    boolean fired;

    World(TckSubject subject, CrashPlan plan, String when) {
      this.when = when;
      stage = new Stage(subject);
      model = (ModelMachine) stage.machine().machine();
      port = stage.port();
      session = stage.session();
      Set<String> seen = new HashSet<>();
      for (Rid rid : stage.endpoints()) {
        session.iommu().unitOf(rid).filter(seen::add).ifPresent(unit -> rids.add(rid));
      }
      from = session.domain("from");
      to = session.domain("to");
      elsewhere = session.domain("elsewhere");
      long hpa = session.memory(2 * PAGE, PAGE);
      model.memory().write64(hpa, OLD);
      model.memory().write64(hpa + PAGE, NEW);
      from.map(IOVA, hpa, PAGE, Access.READ_WRITE);
      to.map(IOVA, hpa + PAGE, PAGE, Access.READ_WRITE);
      session.iommu().move(rids, from);
      session.iommu().enable();
      rids.forEach(rid -> assertReads(rid, OLD, "before"));
    }

    /** Does what may fail, with the failure planned for it and none after it. */
    @Nullable VmmException failure(Runnable what) {
      VmmException failure = null;
      try {
        what.run();
      } catch (VmmException e) {
        failure = e;
      }
      fired |= model.injector().fired();
      model.injector().clear();
      return failure;
    }

    /** Has each function read its word. */
    List<Transfer> touch() {
      return rids.stream().map(rid -> port.read(rid, IOVA)).toList();
    }

    /** Says whether the function's unit still takes changes. */
    boolean isHealthy(Rid rid) {
      return failure(() -> session.iommu().move(List.of(rid), elsewhere)) == null;
    }

    void assertReads(Rid rid, long word, String how) {
      assertRead(rid, port.read(rid, IOVA), word, how);
    }

    void assertRead(Rid rid, Transfer got, long word, String how) {
      assertThat(got.outcome()).as("%s: read of %s, %s", when, rid, how).isEqualTo(Outcome.DONE);
      assertThat(got.word()).as("%s: word of %s, %s", when, rid, how).isEqualTo(word);
    }

    void assertBlocked(Rid rid, Transfer got, String how) {
      assertThat(got.outcome()).as("%s: read of %s, %s", when, rid, how).isEqualTo(Outcome.BLOCKED);
    }

    /** Expects one of these words, or none, since the function's unit has failed. */
    void assertInDoubt(Rid rid, Transfer got, String how, Long... words) {
      if (got.outcome() != Outcome.BLOCKED) {
        assertThat(got.word())
            .as("%s: word of %s, in doubt, %s", when, rid, how)
            .isIn(List.of(words));
      }
    }

    void assertByTheBook() {
      assertThat(model.violations().all()).as("%s: misuses of the hardware", when).isEmpty();
    }

    @Override
    public void close() {
      try {
        model.injector().clear();
        failure(session::close);
        failure(session::close);
      } finally {
        stage.close();
      }
    }
  }
}
