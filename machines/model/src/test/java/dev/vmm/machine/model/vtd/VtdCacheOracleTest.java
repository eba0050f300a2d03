package dev.vmm.machine.model.vtd;

import static dev.vmm.machine.model.vtd.Rig.BLOCKED;
import static dev.vmm.machine.model.vtd.Rig.DEV;
import static dev.vmm.machine.model.vtd.Rig.OTHER;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random edits of tables, moves of devices, invalidations and DMAs. Until an invalidation reaches
 * an address, a DMA may find any of what was there since the last one; afterwards only what is.
 */
class VtdCacheOracleTest {
  private static final int STEPS = 1500;
  private static final int REGIONS = 3;
  private static final int[] PAGES = {0, 1, 2, 255, 256, 511};
  private static final Rid THIRD = new Rid(0, 0, 4, 0);

  /** What the entry of a region of 2 MiB leads to; a table is never changed once it is replaced. */
  private static final class Content {
    final long table;
    final long superpage;
    final Map<Integer, Long> leaves = new HashMap<>();

    Content(long table, long superpage) {
      this.table = table;
      this.superpage = superpage;
    }

    long at(int page) {
      return superpage != 0
          ? superpage + page * 0x1000L
          : table == 0 ? BLOCKED : leaves.getOrDefault(page, BLOCKED);
    }
  }

  /** A region of a domain: what is there, and what caches may still have. */
  private final class Region {
    final long slot;
    Content now = new Content(0, 0);
    final List<Content> stale = new ArrayList<>();
    final Map<Integer, Set<Long>> cached = new HashMap<>();

    Region(long slot) {
      this.slot = slot;
    }

    Set<Long> cachedAt(int page) {
      return cached.computeIfAbsent(page, p -> new HashSet<>());
    }

    Set<Long> allowed(int page) {
      Set<Long> all = new HashSet<>(cachedAt(page));
      stale.forEach(content -> all.add(content.at(page)));
      all.add(now.at(page));
      return all;
    }

    /** Something is about to change: what is there now may be cached. */
    void mayBeCached() {
      for (int page : PAGES) {
        for (long value : allowed(page)) {
          if (value != BLOCKED || config.cm()) {
            cachedAt(page).add(value);
          }
        }
      }
    }

    void replace(Content content) {
      mayBeCached();
      if (now.table != 0) {
        stale.add(now);
      }
      now = content;
      long word = content.superpage != 0 ? content.superpage | 0x83 : content.table;
      rig.store(slot, content.table != 0 ? word | 3 : word);
    }

    void leaf(int page, long hpa) {
      mayBeCached();
      rig.store(now.table + page * 8L, hpa == BLOCKED ? 0 : hpa | 3);
      now.leaves.put(page, hpa);
    }

    void forgetInner() {
      mayBeCached();
      stale.clear();
    }
  }

  private record Domain(int did, long top, List<Region> regions) {}

  private Random random = new Random(0);
  private Rig rig = new Rig();
  private VtdConfig config = rig.config;
  private final List<Domain> domains = new ArrayList<>();
  private final Map<Rid, Domain> home = new HashMap<>();
  private final Map<Rid, Set<Domain>> before = new HashMap<>();
  private int stale;
  private int exact;

  @ParameterizedTest
  @CsvSource({
    "false, false, 0",
    "false, true, 0",
    "true, false, 0",
    "true, true, 0",
    "false, true, 5",
    "true, true, 5",
  })
  void aDmaFindsWhatIsThereOrWhatNoInvalidationReached(boolean cm, boolean eager, int capacity) {
    stale = 0;
    exact = 0;
    for (int seed = 0; seed < 8; seed++) {
      random = new Random(seed);
      config =
          VtdConfig.builder().cm(cm).eagerRefetch(eager).iotlbCapacity(capacity).nfr(1).build();
      rig = new Rig(config);
      begin();
      if (random.nextBoolean()) {
        rig.startQueue();
      }
      for (int step = 0; step < STEPS; step++) {
        step("seed " + seed + ", step " + step);
      }
      rig.clean();
    }
    assertThat(stale).as("DMAs that found what is not there any more").isGreaterThan(200);
    assertThat(exact).as("DMAs with one possible end").isGreaterThan(1000);
  }

  private void begin() {
    domains.clear();
    for (int did : new int[] {7, 9}) {
      long top = rig.page();
      List<Region> regions = new ArrayList<>();
      for (int i = 0; i < REGIONS; i++) {
        regions.add(new Region(rig.slot(top, 4, (long) i << 21, 2)));
      }
      domains.add(new Domain(did, top, regions));
    }
    for (Rid rid : List.of(DEV, OTHER, THIRD)) {
      Domain domain = domains.get(rid == THIRD ? 1 : 0);
      home.put(rid, domain);
      before.put(rid, new HashSet<>());
      rig.attach(rid, domain.did, domain.top);
    }
    rig.start();
  }

  private void step(String when) {
    switch (random.nextInt(24)) {
      case 0 -> {
        Region region = region();
        region.replace(content());
      }
      case 1, 2, 3, 4 -> {
        Region region = region();
        if (region.now.table != 0) {
          region.leaf(page(), random.nextInt(3) == 0 ? BLOCKED : target());
        }
      }
      case 5 -> move(rid());
      case 6, 7, 8, 9 -> invalidatePages();
      case 10 -> invalidateDomain(domains.get(random.nextInt(2)));
      case 11 -> {
        if (random.nextInt(4) == 0) {
          rig.iotlbGlobal();
          domains.forEach(this::forgotten);
        }
      }
      case 12 -> rig.contextGlobal();
      default -> dma(when);
    }
  }

  private void dma(String when) {
    Rid rid = rid();
    int index = random.nextInt(REGIONS);
    int page = page();
    long offset = random.nextInt(0x1000);
    Set<Long> allowed = new HashSet<>(home.get(rid).regions.get(index).allowed(page));
    before.get(rid).forEach(domain -> allowed.addAll(domain.regions.get(index).allowed(page)));
    long iova = ((long) index << 21) + page * 0x1000L;
    long found =
        random.nextBoolean() ? rig.write(rid, iova + offset) : rig.read(rid, iova + offset);
    long start = found == BLOCKED ? BLOCKED : found - offset;
    assertThat(allowed).as("%s: %s at 0x%x", when, rid, iova).contains(start);
    rig.w32(0x40c, 0x80000000L);
    stale += start != home.get(rid).regions.get(index).now.at(page) ? 1 : 0;
    exact += allowed.size() == 1 ? 1 : 0;
  }

  private void move(Rid rid) {
    Domain from = home.get(rid);
    Domain to = domains.get(from == domains.get(0) ? 1 : 0);
    rig.store(rig.entry(rid), 0);
    rig.contextDevice(from.did, rid);
    rig.attach(rid, to.did, to.top);
    if (config.cm()) {
      // Absent, it may have been cached under domain 0: "Caching Mode".
      rig.contextDevice(0, rid);
    }
    home.put(rid, to);
    before.get(rid).remove(to);
    before.get(rid).add(from);
    if (random.nextBoolean()) {
      invalidateDomain(from);
    }
  }

  private void invalidateDomain(Domain domain) {
    rig.iotlbDomain(domain.did);
    forgotten(domain);
  }

  private void forgotten(Domain domain) {
    for (Region region : domain.regions) {
      region.stale.clear();
      region.cached.clear();
    }
    before.values().forEach(left -> left.remove(domain));
  }

  private void invalidatePages() {
    Domain domain = domains.get(random.nextInt(2));
    int am = random.nextBoolean() ? 0 : random.nextInt(12);
    boolean hint = random.nextBoolean();
    long iova = ((long) random.nextInt(REGIONS) << 21) + page() * 0x1000L;
    long base = iova >>> (12 + am) << (12 + am);
    rig.iotlbPages(domain.did, base, am, hint);
    long end = base + (0x1000L << am);
    for (int i = 0; i < REGIONS; i++) {
      Region region = domain.regions.get(i);
      long start = (long) i << 21;
      if (!hint && base < start + (1L << 21) && end > start) {
        region.forgetInner();
      }
      for (int page : PAGES) {
        long at = start + page * 0x1000L;
        if (at >= base && at < end) {
          region.cached.remove(page);
        }
      }
    }
  }

  private Content content() {
    return switch (random.nextInt(3)) {
      case 0 -> new Content(0, 0);
      case 1 -> new Content(0, (1L + random.nextInt(200)) << 32);
      default -> filled(new Content(rig.page(), 0));
    };
  }

  private Content filled(Content content) {
    for (int page : PAGES) {
      if (random.nextBoolean()) {
        long hpa = target();
        content.leaves.put(page, hpa);
        rig.store(content.table + page * 8L, hpa | 3);
      }
    }
    return content;
  }

  private Region region() {
    return domains.get(random.nextInt(2)).regions.get(random.nextInt(REGIONS));
  }

  private long target() {
    return 0x1_0000_0000L | (long) random.nextInt(1 << 20) << 12;
  }

  private int page() {
    return PAGES[random.nextInt(PAGES.length)];
  }

  private Rid rid() {
    return List.of(DEV, OTHER, THIRD).get(random.nextInt(3));
  }
}
