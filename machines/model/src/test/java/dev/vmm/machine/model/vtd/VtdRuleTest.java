package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import java.util.EnumMap;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each rule, broken once and kept once. */
class VtdRuleTest {
  private static final int GSTS = 0x1c;
  private static final Rid THIRD = new Rid(0, 0, 4, 0);

  /**
   * A way to break a rule, and what is almost the same and allowed.
   *
   * @param unit what the unit is like
   * @param before what comes before both
   * @param broken what breaks the rule, once
   * @param kept what does not
   */
  private record Case(
      UnaryOperator<VtdConfigBuilder> unit,
      Consumer<World> before,
      Consumer<World> broken,
      Consumer<World> kept) {}

  /** A unit with a device in domain 7 whose address 0x7000 leads to a page. */
  private static final class World {
    final Rig rig;
    final long top;
    final long page;

    World(VtdConfig config) {
      rig = new Rig(config);
      top = rig.page();
      page = rig.page();
      rig.map(top, 0x7000, page, 3);
      rig.attach(DEV, 7, top);
    }

    /** Translation is on, and everything on the way of 0x7000 is cached. */
    void live() {
      rig.start();
      assertThat(rig.read(DEV, 0x7000)).isEqualTo(page);
    }

    void queue() {
      live();
      rig.startQueue();
    }

    void lookAtStatus() {
      rig.r32(GSTS);
      rig.r32(GSTS);
    }

    void flushDomain() {
      rig.contextDevice(7, DEV);
      rig.iotlbDomain(7);
    }
  }

  private static final Map<VtdRule, Case> CASES = new EnumMap<>(VtdRule.class);

  private static void rule(
      VtdRule rule, Consumer<World> before, Consumer<World> broken, Consumer<World> kept) {
    rule(rule, unit -> unit, before, broken, kept);
  }

  private static void rule(
      VtdRule rule,
      UnaryOperator<VtdConfigBuilder> unit,
      Consumer<World> before,
      Consumer<World> broken,
      Consumer<World> kept) {
    CASES.put(rule, new Case(unit, before, broken, kept));
  }

  static {
    commands();
    registers();
    invalidation();
    queue();
    tables();
    memory();
  }

  private static void commands() {
    rule(
        VtdRule.COMMAND_BEFORE_COMPLETION,
        w -> {
          w.rig.w64(0x20, w.rig.root);
          w.rig.w32(0x18, 0x40000000);
        },
        w -> w.rig.w32(0x18, 0x40000000),
        w -> {
          w.lookAtStatus();
          w.rig.w32(0x18, 0x40000000);
        });
    rule(
        VtdRule.SEVERAL_COMMANDS,
        w -> w.rig.setRoot(),
        w -> w.rig.w32(0x18, 0x84000000L),
        w -> {
          w.rig.w32(0x18, 0x80000000L);
          w.lookAtStatus();
          w.rig.w32(0x18, 0x84000000L);
        });
    rule(
        VtdRule.UNSUPPORTED_COMMAND,
        w -> w.rig.setRoot(),
        w -> w.rig.w32(0x18, 0x08000000),
        w -> w.rig.w32(0x18, 0));
    rule(
        VtdRule.TRANSLATION_WITHOUT_ROOT_TABLE,
        w -> w.rig.w64(0x20, w.rig.root),
        w -> w.rig.w32(0x18, 0x80000000L),
        w -> {
          w.rig.setRoot();
          w.rig.w32(0x18, 0x80000000L);
        });
    rule(
        VtdRule.ROOT_TABLE_NOT_FLUSHED,
        w -> {
          w.rig.w64(0x20, w.rig.root);
          w.rig.command(0x40000000, 0x40000000, true);
          w.rig.iotlbGlobal();
          w.rig.contextGlobal();
        },
        w -> w.rig.w32(0x18, 0x80000000L),
        w -> {
          w.rig.iotlbGlobal();
          w.rig.w32(0x18, 0x80000000L);
        });
    rule(
        VtdRule.INTERRUPT_REMAPPING_WITHOUT_TABLE,
        w -> w.rig.w64(0xb8, w.page | 3),
        w -> w.rig.w32(0x18, 0x02000000),
        w -> {
          w.rig.startQueue();
          w.rig.command(0x05000000, 0x01000000, true);
          w.rig.submit(4, 0);
          w.rig.w32(0x18, 0x06000000);
        });
    rule(
        VtdRule.INTERRUPT_TABLE_NOT_FLUSHED,
        w -> {
          w.rig.w64(0xb8, w.page | 3);
          w.rig.startQueue();
          w.rig.submit(4, 0);
          w.rig.command(0x05000000, 0x01000000, true);
        },
        w -> w.rig.w32(0x18, 0x06000000),
        w -> {
          w.rig.submit(4, 0);
          w.rig.w32(0x18, 0x06000000);
        });
  }

  private static void registers() {
    rule(VtdRule.ACCESS_WIDTH, w -> {}, w -> w.rig.unit.read(GSTS, 2), w -> w.rig.unit.read(8, 4));
    rule(
        VtdRule.RESERVED_REGISTER,
        w -> {},
        w -> w.rig.w32(0xd0, 0),
        w -> assertThat(w.rig.r32(0xd0)).isZero());
    rule(VtdRule.READ_ONLY_WRITTEN, w -> {}, w -> w.rig.w64(8, 0), w -> w.rig.r64(8));
    rule(VtdRule.WRITE_ONLY_READ, w -> {}, w -> w.rig.r32(0x18), w -> w.rig.r32(GSTS));
    rule(
        VtdRule.RESERVED_BITS,
        w -> {},
        w -> w.rig.w64(0x20, w.rig.root | 0x800),
        w -> w.rig.w64(0x20, w.rig.root));
  }

  private static void invalidation() {
    rule(
        VtdRule.INVALIDATION_BEFORE_COMPLETION,
        w -> {
          w.live();
          w.rig.w64(0x28, 0xa000000000000000L);
        },
        // Not even the other kind: "Context Command Register", ICC.
        w -> w.rig.w64(0x508, 0x9000000000000000L),
        w -> {
          w.rig.r64(0x28);
          w.rig.r64(0x28);
          w.rig.w64(0x508, 0x9000000000000000L);
        });
    rule(
        VtdRule.REGISTER_INVALIDATION_WITH_QUEUE,
        World::queue,
        w -> w.rig.w64(0x508, 0x9000000000000000L),
        w -> w.rig.w64(0x508, 0x1000000000000000L));
    rule(
        VtdRule.INVALIDATION_GRANULARITY,
        unit -> unit.psi(false),
        World::live,
        w -> w.rig.iotlb(0xb000000700000000L),
        w -> w.rig.iotlb(0xa000000700000000L));
    rule(
        VtdRule.DOMAIN_ID_BEYOND_ND,
        unit -> unit.nd(2),
        World::live,
        w -> w.rig.iotlbDomain(0x100),
        w -> w.rig.iotlbDomain(0xff));
    rule(
        VtdRule.ADDRESS_MASK_BEYOND_MAMV,
        unit -> unit.mamv(9),
        World::live,
        w -> {
          w.rig.w64(0x500, 10);
          w.rig.iotlb(0xb000000700000000L);
        },
        w -> w.rig.iotlbPages(7, 0, 9, false));
  }

  private static void queue() {
    rule(
        VtdRule.QUEUE_ENABLED_WHILE_INVALIDATING,
        w -> {
          w.rig.w64(0x90, w.page);
          w.rig.w64(0x28, 0xa000000000000000L);
        },
        w -> w.rig.w32(0x18, 0x04000000),
        w -> {
          w.rig.r64(0x28);
          w.rig.r64(0x28);
          w.rig.w32(0x18, 0x04000000);
        });
    rule(
        VtdRule.QUEUE_ENABLED_WITH_TAIL,
        w -> {
          w.rig.w64(0x90, w.page);
          w.rig.w64(0x88, 0x10);
        },
        w -> w.rig.w32(0x18, 0x04000000),
        w -> {
          w.rig.w64(0x88, 0);
          w.rig.w32(0x18, 0x04000000);
        });
    rule(
        VtdRule.QUEUE_MOVED_WHILE_ENABLED,
        World::queue,
        w -> w.rig.w64(0x90, w.page),
        w -> {
          w.rig.command(0x80000000, 0x04000000, false);
          w.rig.w64(0x90, w.page);
        });
    rule(
        VtdRule.QUEUE_DISABLED_WHILE_BUSY,
        w -> {
          w.queue();
          w.rig.put(0x12, 0);
          w.rig.ring();
        },
        w -> w.rig.w32(0x18, 0x80000000L),
        w -> {
          w.rig.drainQueue();
          w.rig.w32(0x18, 0x80000000L);
        });
    rule(
        VtdRule.QUEUE_OVERRUN,
        w -> {
          w.queue();
          for (int i = 0; i < 200; i++) {
            w.rig.put(0x12, 0);
          }
          w.rig.ring();
        },
        w -> w.rig.w64(0x88, 100 * 16),
        w -> w.rig.w64(0x88, 255 * 16));
    rule(
        VtdRule.QUEUE_ERROR,
        World::queue,
        w -> w.rig.work(0x112, 0),
        w -> assertThat(w.rig.work(0x12, 0)).isEqualTo(0x10));
    rule(
        VtdRule.QUEUE_FREED,
        World::queue,
        w -> w.rig.memory.free(w.rig.queue, 0x1000),
        w -> {
          w.rig.command(0x80000000, 0x04000000, false);
          w.rig.memory.free(w.rig.queue, 0x1000);
        });
  }

  private static void tables() {
    rule(
        VtdRule.TORN_ENTRY,
        World::live,
        w -> w.rig.memory.write64(w.rig.entry(DEV) + 8, 0x802),
        w -> {
          w.rig.memory.write64(w.rig.entry(DEV), 0);
          w.flushDomain();
          w.rig.memory.write64(w.rig.entry(DEV) + 8, 0x802);
        });
    rule(
        VtdRule.ENTRY_REUSED_BEFORE_INVALIDATION,
        w -> {
          w.live();
          w.rig.memory.write64(w.rig.entry(DEV), 0);
        },
        w -> w.rig.memory.write64(w.rig.entry(DEV), w.rig.page() | 1),
        w -> {
          w.flushDomain();
          w.rig.memory.write64(w.rig.entry(DEV), w.rig.page() | 1);
        });
    rule(
        VtdRule.PARTIAL_STORE,
        World::live,
        w -> w.rig.memory.write(w.rig.slot(w.top, 4, 0x8000, 1), 4, 3),
        w -> w.rig.memory.write64(w.rig.slot(w.top, 4, 0x8000, 1), 3));
    rule(
        VtdRule.STALE_TABLE,
        unit -> unit.coherent(false),
        World::live,
        w -> linkTable(w, w.rig.memory.allocatePage()),
        w -> {
          long table = w.rig.memory.allocatePage();
          w.rig.memory.flushCache(table, 0x1000);
          linkTable(w, table);
        });
    rule(
        VtdRule.TABLE_FREED,
        w -> {
          w.live();
          w.rig.memory.write64(w.rig.slot(w.top, 4, 0x7000, 2), 0);
        },
        w -> w.rig.memory.free(leafTable(w), 0x1000),
        w -> {
          long table = leafTable(w);
          w.rig.iotlbPages(7, 0x7000, 0, false);
          w.rig.memory.free(table, 0x1000);
        });
    rule(
        VtdRule.DOMAIN_ID_AMBIGUOUS,
        World::live,
        w -> {
          w.rig.attach(OTHER, 7, w.rig.page());
          w.rig.read(OTHER, 0x7000);
        },
        w -> {
          w.rig.attach(OTHER, 7, w.top);
          w.rig.read(OTHER, 0x7000);
          w.rig.attach(THIRD, 8, w.rig.page());
          w.rig.read(THIRD, 0x7000);
        });
    rule(
        VtdRule.DOMAIN_ID_ZERO,
        unit -> unit.cm(true),
        World::live,
        w -> {
          w.rig.attach(OTHER, 0, w.top);
          w.rig.read(OTHER, 0x7000);
        },
        w -> {
          w.rig.attach(OTHER, 7, w.top);
          w.rig.read(OTHER, 0x7000);
        });
  }

  private static void memory() {
    rule(
        VtdRule.TARGET_FREED,
        w -> {
          w.live();
          w.rig.store(w.rig.slot(w.top, 4, 0x7000, 1), 0);
        },
        w -> w.rig.memory.free(w.page, 0x1000),
        w -> {
          w.rig.iotlbPages(7, 0x7000, 0, true);
          w.rig.memory.free(w.page, 0x1000);
        });
    rule(
        VtdRule.INTERRUPT_RANGE_TARGET,
        World::live,
        w -> {
          w.rig.map(w.top, 0x8000, 0xfee01000L, 3);
          w.rig.read(DEV, 0x8000);
        },
        w -> {
          w.rig.map(w.top, 0x8000, 0xfef00000L, 3);
          w.rig.map(w.top, 0x9000, 0xfedff000L, 3);
          w.rig.map(w.top, 0xfee01000L, 0xfee01000L, 3);
          w.rig.read(DEV, 0x8000);
          w.rig.read(DEV, 0x9000);
        });
  }

  /** Has an entry lead to a table, and the device look there. */
  private static void linkTable(World w, long table) {
    w.rig.store(w.rig.slot(w.top, 4, 0x40_0000, 2), table | 3);
    w.rig.read(DEV, 0x40_0000);
  }

  /** Where the leaf table of 0x7000 is, which nothing in memory tells any more. */
  private static long leafTable(World w) {
    for (long hpa = 16 << 20; hpa < (16 << 20) + (64 << 12); hpa += 0x1000) {
      if (w.rig.memory.read64(hpa + 7 * 8) == (w.page | 3)) {
        return hpa;
      }
    }
    throw new AssertionError("no leaf table");
  }

  private static World world(VtdRule rule) {
    Case one = CASES.get(rule);
    assertThat(one).as("a case for %s", rule).isNotNull();
    World world = new World(one.unit.apply(VtdConfig.builder()).build());
    one.before.accept(world);
    world.rig.clean();
    return world;
  }

  @ParameterizedTest
  @EnumSource(VtdRule.class)
  void isRecordedOnceAndNothingElse(VtdRule rule) {
    World world = world(rule);
    CASES.get(rule).broken.accept(world);
    world.rig.broke(rule);
  }

  @ParameterizedTest
  @EnumSource(VtdRule.class)
  void isNotRecordedWhereItWasKept(VtdRule rule) {
    World world = world(rule);
    CASES.get(rule).kept.accept(world);
    world.rig.clean();
  }

  /** Whoever turns translation on next need not set the pointer again. */
  @Test
  void aRootTableThatTheUnitHasTakenOverIsNotFreedWithTranslationOffEither() {
    Rig rig = new Rig().start();
    rig.command(0, 0x80000000, false);
    rig.memory.free(rig.root, 0x1000);
    rig.broke(VtdRule.TABLE_FREED);

    Rig other = new Rig().start();
    other.command(0, 0x80000000, false);
    other.w64(0x20, 0);
    other.command(0x40000000, 0x40000000, true);
    other.memory.free(other.root, 0x1000);
    other.clean();
  }

  @ParameterizedTest
  @EnumSource(VtdRule.class)
  void namesItsSection(VtdRule rule) {
    assertThat(rule.book()).matches("VT-d r4\\.1: [^\"]+\"[^\"]+\".*");
  }
}
