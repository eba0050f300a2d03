package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.ppt.PptState;
import java.util.List;

/**
 * An operation that is made to fail at each of its steps, and what must hold whatever becomes of
 * it.
 */
enum CrashCase {
  /** The first assign of all, which starts the I/O MMU. */
  START(Begin.OFF) {
    @Override
    List<String> placesInDoubt() {
      return List.of(DmaProbe.OFF, DmaProbe.BLOCKED, "vm:a");
    }
  },

  /** An assign while the I/O MMU is on for another guest. */
  ASSIGN(Begin.PARKED),

  /** An assign to a guest that has a device, and so a domain, already. */
  JOIN(Begin.PARKED) {
    @Override
    void run(CrashWorld world) {
      world.ppt().assign(world.device, world.b);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
      assertThat(world.b.devices()).as(when).hasSize(2);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.state()).as(when).isIn(PptState.PARKED, PptState.BROKEN);
      assertThat(world.b.devices()).as(when).hasSize(1);
    }

    @Override
    List<String> placesInDoubt() {
      return List.of(DmaProbe.BLOCKED, "vm:b");
    }
  },

  /** An unassign. */
  UNASSIGN(Begin.ASSIGNED) {
    @Override
    void run(CrashWorld world) {
      world.ppt().unassign(world.device, world.a);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.state()).as(when).isEqualTo(PptState.PARKED);
      assertThat(world.a.devices()).as(when).isEmpty();
      assertThat(world.a.domain()).as(when).isEmpty();
    }

    @Override
    void retry(CrashWorld world) {
      giveAgain(world);
      run(world);
    }
  },

  /** The end of a VM that has a device. */
  DESTROY(Begin.ASSIGNED) {
    @Override
    void run(CrashWorld world) {
      world.a.close();
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.a.destroyed()).as(when).isTrue();
      assertThat(world.state()).as(when).isEqualTo(PptState.PARKED);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.a.destroyed()).as(when).isTrue();
      assertThat(world.state()).as(when).isIn(PptState.PARKED, PptState.BROKEN);
    }

    @Override
    void retry(CrashWorld world) {
      repair(world);
      world.ppt().assign(world.device, world.b);
      world.ppt().unassign(world.device, world.b);
    }
  },

  /** A device goes back to the host. */
  DETACH(Begin.PARKED) {
    @Override
    void run(CrashWorld world) {
      world.ppt().detach(world.device);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.state()).as(when).isEqualTo(PptState.HOST);
      world.assertImage(world.device, world.found(world.device), when);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      // Broken if it was the reset that failed, which a device gets that has made DMA meanwhile.
      assertThat(world.state()).as(when).isIn(PptState.PARKED, PptState.BROKEN);
    }

    @Override
    List<String> placesInDoubt() {
      return List.of(DmaProbe.BLOCKED, DmaProbe.HOST);
    }
  },

  /** A device is taken from the host. */
  ATTACH(Begin.HOST) {
    @Override
    void run(CrashWorld world) {
      world.ppt().attach(world.device);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.state()).as(when).isEqualTo(PptState.PARKED);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.state()).as(when).isIn(PptState.HOST, PptState.BROKEN);
      if (world.state() == PptState.HOST) {
        world.assertImage(world.device, world.found(world.device), when);
      }
    }

    @Override
    void retry(CrashWorld world) {
      if (world.state() == PptState.BROKEN) {
        world.ppt().detach(world.device);
      }
      run(world);
    }

    @Override
    List<String> placesInDoubt() {
      return List.of(DmaProbe.BLOCKED, DmaProbe.HOST);
    }
  },

  /** A device gets an interrupt, through an entry where interrupts are remapped. */
  SETUP_MSI(Begin.ASSIGNED) {
    @Override
    void run(CrashWorld world) {
      world
          .ppt()
          .device(world.device)
          .orElseThrow()
          .setupMsi(CrashWorld.MSI.address(), CrashWorld.MSI.data(), 1);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
      world.assertInterrupt(true, when);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
      world.assertInterrupt(false, when);
    }

    @Override
    List<String> placesInDoubt() {
      return List.of("vm:a");
    }
  },

  /** Memory comes to a VM that has a device. */
  ADD_MEMORY(Begin.ASSIGNED) {
    @Override
    void run(CrashWorld world) {
      world.a.addMemory(CrashWorld.MORE_GPA, CrashWorld.MORE_BYTES, Access.READ_WRITE);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.a.memory()).as(when).hasSize(3);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.a.memory()).as(when).hasSize(2);
      assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
    }
  },

  /** Memory goes from a VM that has a device. */
  REMOVE_MEMORY(Begin.ASSIGNED) {
    @Override
    void run(CrashWorld world) {
      world.a.removeMemory(CrashWorld.HIGH_GPA);
    }

    @Override
    void done(CrashWorld world, String when) {
      assertThat(world.a.memory()).as(when).hasSize(1);
    }

    @Override
    void undone(CrashWorld world, String when, boolean inDoubt) {
      assertThat(world.a.memory()).as(when).hasSize(inDoubt ? 1 : 2);
      assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
    }

    @Override
    void retry(CrashWorld world) {
      if (world.a.memory().size() == 1) {
        world.a.addMemory(CrashWorld.HIGH_GPA, CrashWorld.HIGH_BYTES, Access.READ_WRITE);
      }
      run(world);
    }
  };

  /** Where an operation begins. */
  private enum Begin {
    /** The device is attached, and nothing started the I/O MMU yet. */
    OFF,
    /** The I/O MMU is on for another guest. */
    HOST,
    /** The same, with the device attached. */
    PARKED,
    /** The same, with the device in guest a. */
    ASSIGNED
  }

  private final Begin begin;

  CrashCase(Begin begin) {
    this.begin = begin;
  }

  /** Brings a new world to where the operation begins. */
  void prepare(CrashWorld world) {
    if (begin != Begin.OFF) {
      world.startByOther();
    }
    if (begin != Begin.HOST) {
      world.ppt().attach(world.device);
    }
    if (begin == Begin.ASSIGNED) {
      world.ppt().assign(world.device, world.a);
    }
  }

  /** The operation: an assign, if it says nothing else. */
  void run(CrashWorld world) {
    world.ppt().assign(world.device, world.a);
  }

  /** Expects its effect. */
  void done(CrashWorld world, String when) {
    assertThat(world.state()).as(when).isEqualTo(PptState.ASSIGNED);
    assertThat(world.a.devices()).as(when).hasSize(1);
    assertThat(world.a.domain()).as(when).isPresent();
  }

  /**
   * Expects that there is none, or what is documented for a failure.
   *
   * @param inDoubt whether a unit failed, so that it may be unknown what it still knows
   */
  void undone(CrashWorld world, String when, boolean inDoubt) {
    assertThat(world.state()).as(when).isIn(PptState.PARKED, PptState.BROKEN);
    assertThat(world.a.devices()).as(when).isEmpty();
    if (!inDoubt || takesBack()) {
      assertThat(world.a.domain()).as(when).isEmpty();
    }
  }

  /** Says whether it takes a device from a VM, which then has lost it whatever happens. */
  boolean takesBack() {
    return this == UNASSIGN || this == DESTROY;
  }

  /** Does it again with hardware that works. */
  void retry(CrashWorld world) {
    repair(world);
    run(world);
  }

  /** Returns where the device may be while a unit has not confirmed a change. */
  List<String> placesInDoubt() {
    return List.of(DmaProbe.BLOCKED, "vm:a");
  }

  /** Brings the device to where it can be assigned. */
  static void repair(CrashWorld world) {
    if (world.state() == PptState.BROKEN) {
      world.ppt().detach(world.device);
    }
    if (world.state() == PptState.HOST) {
      world.ppt().attach(world.device);
    }
  }

  private static void giveAgain(CrashWorld world) {
    repair(world);
    world.ppt().assign(world.device, world.a);
  }
}
