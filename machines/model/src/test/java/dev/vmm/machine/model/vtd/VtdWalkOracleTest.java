package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Random second-stage tables, with superpages, holes, every kind of reserved bit, ignored bits set
 * and tables that are no memory, against a walk that is written here once more from the book.
 */
class VtdWalkOracleTest {
  private static final int FRCD = 0x400;
  private static final int PROBES = 400;

  private Random random = new Random(0);
  private Rig rig = new Rig();
  private VtdConfig config = rig.config;
  private int levels;

  /** Indices that are in use, by table. */
  private final Map<Long, List<Integer>> used = new HashMap<>();

  private int reached;

  /** What a request may end in: an address, or one of some fault reasons. */
  private record Outcome(long hpa, Set<Integer> reasons) {}

  @ParameterizedTest
  @ValueSource(ints = {2, 3, 4, 5})
  void everyWalkEndsWhereTheBookSays(int depth) {
    levels = depth;
    reached = 0;
    Set<Integer> reasons = new HashSet<>();
    for (int seed = 0; seed < 25; seed++) {
      random = new Random(1000L * depth + seed);
      config = randomUnit();
      rig = new Rig(config);
      used.clear();
      long top = table(levels);
      rig.attach(DEV, 7, top, 0, levels - 2);
      rig.start();
      for (int i = 0; i < PROBES; i++) {
        probe(top, address(top), reasons);
      }
      rig.clean();
    }
    // The trial is worth something: it met everything that it was to meet.
    assertThat(reasons).contains(4, 5, 6, 7, 0xc);
    assertThat(reached).isGreaterThan(400);
  }

  private VtdConfig randomUnit() {
    int width = 12 + 9 * levels;
    return VtdConfig.builder()
        .sagaw(1 << (levels - 2))
        .mgaw(random.nextBoolean() ? width : width - 2)
        .haw(36 + random.nextInt(17))
        .sllps(random.nextInt(4))
        .sc(random.nextBoolean())
        .dt(random.nextBoolean())
        .zlr(random.nextBoolean())
        .cm(random.nextInt(4) == 0)
        .nfr(1)
        .compression(FaultCompression.NONE)
        .iotlbCapacity(random.nextInt(3) * 7)
        .build();
  }

  private void probe(long top, long iova, Set<Integer> reasons) {
    boolean write = random.nextBoolean();
    Outcome expected = walk(top, iova, write);
    long found = write ? rig.write(DEV, iova) : rig.read(DEV, iova);
    String what =
        String.format("%s of 0x%x, %d levels, %s", write ? "write" : "read", iova, levels, config);
    assertThat(found).as(what).isEqualTo(expected.hpa);
    if (found == BLOCKED) {
      int reason = (int) (rig.r64(FRCD + 8) >>> 32) & 0xff;
      assertThat(expected.reasons).as(what).contains(reason);
      assertThat(rig.r64(FRCD)).as(what).isEqualTo(iova & -0x1000L);
      reasons.add(reason);
      rig.w32(FRCD + 12, 0x80000000L);
    } else {
      assertThat(rig.r64(FRCD + 8) >>> 63).as(what).isZero();
      reached++;
    }
  }

  private Outcome walk(long top, long iova, boolean write) {
    int width = Math.min(config.mgaw(), 12 + 9 * levels);
    if (iova >>> width != 0) {
      return new Outcome(BLOCKED, Set.of(4));
    }
    long table = top;
    boolean may = true;
    int denied = write ? 5 : 6;
    for (int level = levels; ; level--) {
      long hpa = table + (iova >>> (3 + 9 * level) & 0x1ff) * 8;
      if (hpa >= 1L << 30) {
        return new Outcome(BLOCKED, may ? Set.of(7) : Set.of(7, denied));
      }
      long entry = rig.memory.deviceRead64(hpa);
      if ((entry & 3) == 0) {
        return new Outcome(BLOCKED, Set.of(denied));
      }
      boolean large =
          (entry & 0x80) != 0
              && ((level == 2 && (config.sllps() & 1) != 0)
                  || (level == 3 && (config.sllps() & 2) != 0));
      boolean leaf = level == 1 || large;
      long reserved = (0x000f_ffff_ffff_f000L >>> config.haw()) << config.haw();
      reserved |= leaf && config.sc() ? 0 : 0x800;
      reserved |= leaf && config.dt() ? 0 : 0x4000_0000_0000_0000L;
      reserved |= leaf ? 0 : 0x80;
      reserved |= !large ? 0 : level == 2 ? 0x1f_f000 : 0x3fff_f000;
      if ((entry & reserved) != 0) {
        return new Outcome(BLOCKED, may ? Set.of(0xc) : Set.of(0xc, denied));
      }
      may &= (entry & (write ? 2 : 1)) != 0;
      long address = entry & 0x000f_ffff_ffff_f000L;
      if (leaf) {
        long inside = iova & ((1L << (3 + 9 * level)) - 1);
        return may ? new Outcome(address + inside, Set.of()) : new Outcome(BLOCKED, Set.of(denied));
      }
      table = address;
    }
  }

  private long address(long top) {
    long iova = random.nextInt(0x1000);
    long table = top;
    for (int level = levels; level >= 1; level--) {
      List<Integer> indices = used.getOrDefault(table, List.of());
      int index =
          indices.isEmpty() || random.nextInt(20) == 0
              ? random.nextInt(512)
              : indices.get(random.nextInt(indices.size()));
      iova |= (long) index << (3 + 9 * level);
      table = table >= 1L << 30 ? 0 : rig.memory.deviceRead64(table + index * 8L) & 0x3ffff000L;
    }
    if (random.nextInt(30) == 0) {
      iova |= 1L << (12 + 9 * levels + random.nextInt(52 - 9 * levels));
    }
    // The interrupts' addresses are not translated.
    return iova >>> 20 == 0xfee ? iova & 0xfff : iova;
  }

  private long table(int level) {
    long hpa = rig.page();
    List<Integer> indices = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      // The low quarter, so that narrow widths reach it.
      int index = random.nextInt(random.nextBoolean() ? 512 : 128);
      indices.add(index);
      rig.store(hpa + index * 8L, entry(level));
    }
    used.put(hpa, indices);
    return hpa;
  }

  private long entry(int level) {
    int kind = random.nextInt(level == 1 ? 12 : 30);
    // 63, 61:52, 10:8 and 6:2 are ignored.
    long ignored = random.nextLong() & 0xbff0_0000_0000_077cL;
    if (kind == 0) {
      return random.nextLong() & ~3L;
    }
    long rights = random.nextInt(4) != 0 ? 3 : 1 + random.nextInt(2);
    long entry = ignored | rights;
    boolean large = level > 1 && random.nextInt(4) == 0;
    if (large) {
      entry |= 0x80;
    }
    if (level == 1 || large) {
      long size = 1L << (3 + 9 * level);
      // Not where the interrupts are.
      entry |=
          (random.nextLong() & ((1L << config.haw()) - 1) & -size)
              | 1L << Math.max(32, 3 + 9 * level);
      entry &= level < 4 ? -1 : ~0x000f_ffff_ffff_f000L;
    } else {
      entry |= kind == 1 ? 1L << 31 : table(level - 1);
    }
    switch (kind) {
      case 2 -> entry |= 0x800;
      case 3 -> entry |= 1L << 62;
      case 4 -> entry |= 1L << (12 + random.nextInt(40));
      case 5 -> entry |= config.haw() < 52 ? 1L << config.haw() : 0;
      default -> {}
    }
    return fee(entry) ? entry & ~3L : entry;
  }

  /** Says whether a leaf could lead to the interrupts, which is no matter of walks. */
  private static boolean fee(long entry) {
    long address = entry & 0x000f_ffff_ffff_f000L;
    return address >= 0xc000_0000L && address <= 0xfeef_ffffL;
  }
}
