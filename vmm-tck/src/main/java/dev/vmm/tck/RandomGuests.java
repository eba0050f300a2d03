package dev.vmm.tck;

import static dev.vmm.tck.Expect.refused;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * Random lives of several guests that share several devices: memory comes and goes, devices change
 * hands, guests die. After each step every device must reach exactly what its owner has.
 */
final class RandomGuests {
  private static final long PAGE = 0x1000;
  private static final int GUESTS = 3;

  private static final class Guest {
    final VirtualMachine vm;

    /** By gpa. */
    final TreeMap<Long, MemorySegment> segments = new TreeMap<>();

    Guest(VirtualMachine vm) {
      this.vm = vm;
    }
  }

  private final Bench bench;
  private final Reach reach;
  private final Random random;
  private final long seed;
  private final long hostPage;
  private final Stage stage;
  private final List<TckDevice> devices = new ArrayList<>();
  private final List<Guest> guests = new ArrayList<>();
  private final boolean[] claimed;

  /** Where guest memory was lately, by gpa and by hpa. */
  private final List<MemorySegment> gone = new ArrayList<>();

  private int step;
  private int created;
  private String last = "";

  RandomGuests(Stage stage, Bench bench, DmaPort port, long seed) {
    this.stage = stage;
    this.bench = bench;
    this.seed = seed;
    reach = new Reach(port, stage.machine().memory());
    random = new Random(seed);
    List<Rid> rids = port.direct() ? stage.endpoints() : List.of(stage.engineRid());
    rids.stream().limit(3).forEach(rid -> devices.add(new TckDevice(rid, bench.vmm().iommu())));
    claimed = new boolean[devices.size()];
    for (int i = 0; i < GUESTS; i++) {
      guests.add(newGuest());
    }
    hostPage = stage.machine().memory().allocatePage();
  }

  private Guest newGuest() {
    return new Guest(bench.vmm().createVm("guest" + created++));
  }

  private String when() {
    return "seed " + seed + " step " + step + ", after " + last;
  }

  void run(int steps) {
    for (step = 0; step < steps; step++) {
      int choice = random.nextInt(16);
      if (choice < 5) {
        addMemory(guest());
      } else if (choice < 8) {
        removeMemory(guest());
      } else if (choice < 13) {
        handOver(random.nextInt(devices.size()));
      } else if (choice < 15) {
        claim(random.nextInt(devices.size()));
      } else {
        destroy(random.nextInt(GUESTS));
      }
      check();
    }
    for (int i = 0; i < devices.size(); i++) {
      devices.get(i).unassign();
      if (claimed[i]) {
        bench.vmm().iommu().unclaim(List.of(devices.get(i).rid()));
      }
    }
    stage.machine().memory().free(hostPage, PAGE);
  }

  private Guest guest() {
    return guests.get(random.nextInt(GUESTS));
  }

  private void addMemory(Guest guest) {
    long gpa = random.nextInt(3000) * PAGE;
    if (random.nextInt(4) == 0) {
      gpa &= -0x20_0000L;
    }
    long at = gpa;
    long length = (1 + random.nextInt(random.nextBoolean() ? 4 : 1100)) * PAGE;
    Access access = random.nextInt(6) == 0 ? Access.READ : Access.READ_WRITE;
    last = String.format("adding 0x%x bytes at 0x%x to %s", length, gpa, guest.vm.name());
    boolean overlaps =
        guest.segments.values().stream()
            .anyMatch(s -> s.gpa() < at + length && at < s.gpa() + s.lengthBytes());
    if (overlaps) {
      refused(Errno.EINVAL, () -> guest.vm.addMemory(at, length, access));
    } else {
      guest.segments.put(gpa, guest.vm.addMemory(gpa, length, access));
    }
  }

  private void removeMemory(Guest guest) {
    if (guest.segments.isEmpty()) {
      return;
    }
    Long gpa = guest.segments.ceilingKey(random.nextInt(3000) * PAGE);
    gpa = gpa == null ? guest.segments.firstKey() : gpa;
    last = String.format("removing 0x%x from %s", gpa, guest.vm.name());
    guest.vm.removeMemory(gpa);
    gone.add(guest.segments.remove(gpa));
  }

  private void handOver(int index) {
    TckDevice device = devices.get(index);
    VirtualMachine before = device.owner();
    device.unassign();
    last = device.rid() + " leaving " + before;
    if (before == null || random.nextBoolean()) {
      Guest guest = guest();
      device.assign(guest.vm);
      last = "assigning " + device.rid() + " to " + guest.vm.name() + ", before " + before;
    }
  }

  private void claim(int index) {
    if (devices.get(index).owner() != null) {
      return; // as the ppt driver does it: a claim begins and ends while nobody owns the device
    }
    List<Rid> rids = List.of(devices.get(index).rid());
    last = (claimed[index] ? "unclaim of " : "claim of ") + rids;
    if (claimed[index]) {
      bench.vmm().iommu().unclaim(rids);
    } else {
      bench.vmm().iommu().claim(rids);
    }
    claimed[index] = !claimed[index];
  }

  private void destroy(int index) {
    Guest guest = guests.get(index);
    last = "destroying " + guest.vm.name();
    guest.vm.close();
    gone.addAll(guest.segments.values());
    assertThat(devices)
        .as(when())
        .noneMatch(device -> device.owner() != null && device.owner().equals(guest.vm));
    guests.set(index, newGuest());
  }

  private void check() {
    while (gone.size() > 4) {
      gone.remove(0);
    }
    boolean on = bench.vmm().iommu().domainNameOf(devices.get(0).rid()).isPresent();
    if (!on) {
      return; // nobody was assigned yet
    }
    for (int i = 0; i < devices.size(); i++) {
      TckDevice device = devices.get(i);
      VirtualMachine owner = device.owner();
      String domain = owner != null ? "vm:" + owner.name() : claimed[i] ? "blocked" : "host";
      assertThat(bench.domainOf(device.rid())).as(when()).hasValue(domain);
      if (!reach.direct() && step % 8 != 7) {
        continue;
      }
      if (owner != null) {
        Guest guest = guests.stream().filter(g -> g.vm.equals(owner)).findFirst().orElseThrow();
        reachesItsGuest(device.rid(), guest);
      } else if (claimed[i]) {
        reach.blocked(device.rid(), hostPage, when(), hostPage);
      } else {
        reach.reaches(device.rid(), hostPage, hostPage, Access.READ_WRITE, when());
      }
    }
  }

  private void reachesItsGuest(Rid rid, Guest guest) {
    reach.blocked(rid, hostPage | 1L << 37, when(), hostPage);
    for (MemorySegment segment : guest.segments.values()) {
      long lastWord = segment.lengthBytes() - 8;
      long inside = random.nextInt((int) (segment.lengthBytes() / 8)) * 8L;
      long[] offsets = reach.direct() ? new long[] {0, lastWord, inside} : new long[] {inside};
      for (long offset : offsets) {
        reach.reaches(
            rid, segment.gpa() + offset, segment.hpa() + offset, segment.access(), when());
      }
      if (!reach.direct()) {
        return;
      }
      notMapped(rid, guest, segment.gpa() + segment.lengthBytes());
      notMapped(rid, guest, segment.gpa() - PAGE);
    }
    for (MemorySegment segment : gone) {
      notMapped(rid, guest, segment.gpa());
      notMapped(rid, guest, segment.gpa() + segment.lengthBytes() - PAGE);
    }
  }

  private void notMapped(Rid rid, Guest guest, long gpa) {
    boolean there =
        gpa < 0 || guest.segments.values().stream().anyMatch(s -> s.gpaRange().contains(gpa));
    if (!there && reach.direct()) {
      reach.blocked(rid, gpa, when());
    }
  }
}
