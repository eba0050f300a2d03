package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Translation;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;

/**
 * Random maps, unmaps, moves and closes of several domains with several devices, each step compared
 * with a model that knows every page.
 */
final class RandomDomains {
  private static final long PAGE = 0x1000;
  private static final int WINDOW_PAGES = 4096;
  private static final int HPA_PAGES = 4096;
  private static final int LARGE_PAGES = 512;

  /** Beside 0, so that several tables of every level are in play. */
  private static final long[] WINDOWS = {0, (1L << 30) - (WINDOW_PAGES / 2) * PAGE};

  private record Target(long hpa, Access access) {}

  private static final class Space {
    final Domain domain;
    final TreeMap<Long, Target> pages = new TreeMap<>();

    Space(Domain domain) {
      this.domain = domain;
    }
  }

  private final SpiSession session;
  private final Reach reach;
  private final Random random;
  private final long seed;
  private final long region;
  private final List<Rid> rids;
  private final List<Space> spaces = new ArrayList<>();
  private final int[] place;
  private int step;
  private String last = "";

  RandomDomains(Stage stage, SpiSession session, DmaPort port, long seed) {
    this.session = session;
    this.seed = seed;
    reach = new Reach(port, stage.machine().memory());
    random = new Random(seed);
    region = session.memory(HPA_PAGES * PAGE, LARGE_PAGES * PAGE);
    List<Rid> all = port.direct() ? stage.endpoints() : List.of(stage.engineRid());
    rids = all.subList(0, Math.min(3, all.size()));
    place = new int[rids.size()];
    for (int i = 0; i < 3; i++) {
      spaces.add(new Space(session.domain("random" + i)));
    }
    session.iommu().move(rids, spaces.get(0).domain);
    session.iommu().enable();
  }

  void run(int steps) {
    for (step = 0; step < steps; step++) {
      int choice = random.nextInt(20);
      long around;
      if (choice < 9) {
        around = map(space());
      } else if (choice < 16) {
        around = unmap(space());
      } else if (choice < 19) {
        around = move();
      } else {
        around = replace();
      }
      check(around);
    }
    assertThat(session.iommu().enabled()).as("after all steps").isTrue();
  }

  private Space space() {
    return spaces.get(random.nextInt(spaces.size()));
  }

  private String when() {
    return "seed " + seed + " step " + step + ", after " + last;
  }

  private long randomPage() {
    long page = random.nextInt(WINDOW_PAGES);
    if (random.nextInt(3) == 0) {
      page &= -LARGE_PAGES;
    }
    return WINDOWS[random.nextInt(WINDOWS.length)] + page * PAGE;
  }

  private int randomPages() {
    return switch (random.nextInt(4)) {
      case 0 -> 1;
      case 1 -> LARGE_PAGES * (1 + random.nextInt(2));
      default -> 1 + random.nextInt(700);
    };
  }

  private long map(Space space) {
    int count = randomPages();
    long iova = randomPage();
    long hpa = region + (long) random.nextInt(HPA_PAGES - count) * PAGE;
    if (random.nextBoolean()) {
      hpa = (hpa & -(LARGE_PAGES * PAGE)) | (iova & ((LARGE_PAGES - 1) * PAGE));
      hpa = Math.min(hpa, region + (HPA_PAGES - count) * PAGE);
    }
    Access access = random.nextInt(8) == 0 ? Access.READ : Access.READ_WRITE;
    long from = hpa;
    last = String.format("map of 0x%x to 0x%x, %d pages, %s", iova, hpa, count, access);
    if (space.pages.subMap(iova, iova + count * PAGE).isEmpty()) {
      space.domain.map(iova, from, count * PAGE, access);
      for (long i = 0; i < count; i++) {
        space.pages.put(iova + i * PAGE, new Target(from + i * PAGE, access));
      }
    } else {
      refused(Errno.EINVAL, () -> space.domain.map(iova, from, count * PAGE, access));
    }
    return iova;
  }

  private long unmap(Space space) {
    long iova = randomPage();
    if (random.nextBoolean() && !space.pages.isEmpty()) {
      Long near = space.pages.ceilingKey(iova);
      iova = near == null ? space.pages.firstKey() : near;
    }
    int count = randomPages();
    last = String.format("unmap of 0x%x, %d pages", iova, count);
    var there = space.pages.subMap(iova, iova + count * PAGE);
    assertThat(space.domain.unmap(iova, count * PAGE)).as(when()).isEqualTo(!there.isEmpty());
    there.clear();
    return iova;
  }

  private long move() {
    int device = random.nextInt(rids.size());
    int to = random.nextInt(spaces.size());
    last = "move of " + rids.get(device) + " to " + spaces.get(to).domain.name();
    session.iommu().move(List.of(rids.get(device)), spaces.get(to).domain);
    place[device] = to;
    return randomPage();
  }

  /** Closes a domain that no device is in, and makes another in its place. */
  private long replace() {
    int index = random.nextInt(spaces.size());
    for (int at : place) {
      if (at == index) {
        return randomPage();
      }
    }
    last = "close of " + spaces.get(index).domain.name();
    spaces.get(index).domain.close();
    spaces.set(index, new Space(session.domain("random" + index + " of step " + step)));
    return randomPage();
  }

  private void check(long around) {
    long[] probes = {
      around,
      around + PAGE,
      around + (LARGE_PAGES - 1) * PAGE,
      around + LARGE_PAGES * PAGE,
      randomPage(),
      randomPage(),
      Math.max(0, around - PAGE)
    };
    for (Space space : spaces) {
      for (long iova : probes) {
        Optional<Target> target = Optional.ofNullable(space.pages.get(iova));
        Optional<Translation> translation = space.domain.translate(iova);
        assertThat(translation.map(t -> new Target(t.hpa(), t.access())))
            .as("%s: translation of 0x%x in %s", when(), iova, space.domain.name())
            .isEqualTo(target);
      }
    }
    if (reach.direct()) {
      for (int device = 0; device < rids.size(); device++) {
        for (long iova : probes) {
          probe(device, iova);
        }
      }
    } else if (step % 20 == 19) {
      probe(0, around);
    }
  }

  private void probe(int device, long iova) {
    Target target = spaces.get(place[device]).pages.get(iova);
    if (target == null) {
      reach.blocked(rids.get(device), iova, when());
    } else {
      long offset = random.nextInt(512) * 8L;
      reach.reaches(
          rids.get(device), iova + offset, target.hpa() + offset, target.access(), when());
    }
  }
}
