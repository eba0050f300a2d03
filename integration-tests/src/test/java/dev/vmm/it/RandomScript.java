package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.VmmException;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.Translation;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.Waiter;
import dev.vmm.tck.Bench;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;

/**
 * Random operations with guests, their memory and an edu device, which depend on nothing but the
 * seed; each step tells what came of it, and is compared with what should have: translations,
 * refusals, bytes, and faults by function, page and direction.
 *
 * <p>What a machine does in its own way is left out of what is told: where memory lies, which
 * depends on the back end's own; and of QEMU a fault of a write to a page that may only be read (it
 * tells none if it remembers the page), how often a fault of one copy is told, and what is in the
 * device's buffer after a read that was blocked.
 */
final class RandomScript {
  private static final int BYTES = 32;
  private static final long PAGE = 0x1000;
  private static final long SEGMENT_BYTES = 0x8000;
  private static final long LARGE = 0x20_0000;
  private static final long GUEST_BAR = 0xe000_0000L;
  private static final long NOWHERE = 0x3000_0000L;
  private static final long[] SPOTS = {0x10_0000L, 0x40_0000L, 0x2000_0000L, 0x80_0000L};

  /**
   * What a step told.
   *
   * @param text what it was and what came of it
   * @param faults the faults that it caused, each once
   * @param reasons their codes, in the numbers of the unit's book
   */
  record Step(String text, String faults, String reasons) {}

  /** A guest and what it has. */
  private static final class Guest {
    final VirtualMachine vm;
    final TreeMap<Long, Access> memory = new TreeMap<>();

    Guest(VirtualMachine vm) {
      this.vm = vm;
    }
  }

  private final Machine machine;
  private final Waiter waiter;
  private final Random random;
  private final List<Step> told = new ArrayList<>();
  private final boolean tellsFaults;
  private final List<Guest> guests = new ArrayList<>();
  private final String seed;
  private Guest owner;
  private DmaEngine engine;
  private byte[] buffer;
  private int copies;
  private int names;

  /**
   * Makes a script for a machine.
   *
   * @param tellsFaults whether its units tell the faults of DMA
   */
  RandomScript(Machine machine, Waiter waiter, boolean tellsFaults, long seed) {
    this.machine = machine;
    this.tellsFaults = tellsFaults;
    this.waiter = waiter;
    this.seed = machine.name() + ", seed " + seed;
    random = new Random(seed);
  }

  /** Goes on until the device has made so many copies; returns what each step told. */
  List<Step> run(int wantedCopies) {
    long allocated = machine.memory().allocatedBytes();
    Rid edu = Bench.function(machine, 0x1234, 0x11e8).rid();
    try (Vmm vmm =
            Vmm.open(
                machine, Tunables.defaults().with("hw.vmm.iommu.allow_unsafe_interrupts", "1"));
        PptDriver ppt = PptDriver.open(vmm, waiter)) {
      ppt.attach(edu);
      while (copies < wantedCopies) {
        step(vmm, ppt, edu);
      }
      guests.forEach(guest -> guest.vm.close());
    }
    assertThat(machine.memory().allocatedBytes()).as("%s: bytes left", seed).isEqualTo(allocated);
    return told;
  }

  private void step(Vmm vmm, PptDriver ppt, Rid edu) {
    int choice = random.nextInt(20);
    if (guests.isEmpty() || (choice == 0 && guests.size() < 3)) {
      create(vmm);
    } else if (choice == 1) {
      destroy(guests.remove(random.nextInt(guests.size())));
    } else if (choice <= 3) {
      changeMemory(guests.get(random.nextInt(guests.size())));
    } else if (choice == 5) {
      beRefused(ppt, edu, guests.get(random.nextInt(guests.size())));
    } else if (owner == null) {
      assign(ppt, edu, guests.get(random.nextInt(guests.size())));
    } else if (choice == 4) {
      ppt.unassign(edu, owner.vm);
      tell("unassign");
      forgetOwner();
    } else {
      copy(vmm, edu);
    }
  }

  private void create(Vmm vmm) {
    Guest guest = new Guest(vmm.createVm("guest" + names++));
    guests.add(guest);
    tell("create " + guest.vm.name());
    changeMemory(guest);
  }

  private void destroy(Guest guest) {
    guest.vm.close();
    tell("destroy " + guest.vm.name());
    if (guest == owner) {
      forgetOwner();
    }
  }

  private void forgetOwner() {
    owner = null;
    engine = null;
    buffer = null;
  }

  private void changeMemory(Guest guest) {
    long gpa = SPOTS[random.nextInt(SPOTS.length)];
    Access access = random.nextInt(3) == 0 ? Access.READ : Access.READ_WRITE;
    if (guest.memory.remove(gpa) != null) {
      guest.vm.removeMemory(gpa);
      tell(String.format("remove 0x%x; %s", gpa, translations(guest)));
    } else {
      guest.vm.addMemory(gpa, lengthAt(gpa), access);
      guest.memory.put(gpa, access);
      tell(String.format("add 0x%x %s; %s", gpa, access, translations(guest)));
    }
  }

  /** One place is for memory that large pages map. */
  private static long lengthAt(long gpa) {
    return gpa == SPOTS[2] ? 2 * LARGE : SEGMENT_BYTES;
  }

  /** Returns, for the first and last byte of each place, where in its segment a device gets to. */
  private static String translations(Guest guest) {
    Domain domain = guest.vm.domain().orElse(null);
    if (domain == null) {
      return "no domain";
    }
    StringBuilder text = new StringBuilder();
    for (long spot : SPOTS) {
      for (long gpa : new long[] {spot, spot + lengthAt(spot) - 1, spot + lengthAt(spot)}) {
        text.append(domain.translate(gpa).map(to -> where(guest, to)).orElse("-")).append(' ');
      }
    }
    return text.toString();
  }

  private static String where(Guest guest, Translation to) {
    for (MemorySegment segment : guest.vm.memory()) {
      long offset = to.hpa() - segment.hpa();
      if (offset >= 0 && offset < segment.lengthBytes()) {
        return String.format(
            "0x%x+0x%x %s by 0x%x", segment.gpa(), offset, to.access(), to.pageBytes());
      }
    }
    return "elsewhere";
  }

  /** Asks for what must be refused, and tells the codes. */
  private void beRefused(PptDriver ppt, Rid edu, Guest guest) {
    List<String> codes = new ArrayList<>();
    codes.add(refusal(() -> guest.vm.addMemory(1, PAGE, Access.READ)));
    codes.add(refusal(() -> guest.vm.addMemory(-PAGE, 2 * PAGE, Access.READ)));
    guest.memory.keySet().stream()
        .findFirst()
        .ifPresent(gpa -> codes.add(refusal(() -> guest.vm.addMemory(gpa, PAGE, Access.READ))));
    codes.add(refusal(() -> guest.vm.removeMemory(NOWHERE)));
    codes.add(refusal(() -> ppt.assign(new Rid(0, 0, 0x1f, 7), guest.vm)));
    codes.add(refusal(() -> ppt.attach(edu)));
    if (owner != null) {
      codes.add(refusal(() -> ppt.assign(edu, guest.vm)));
      codes.add(refusal(() -> ppt.detach(edu)));
      long end = guest.vm.domain().map(Domain::lastIova).orElse(0L) + 1;
      if (end > PAGE) {
        codes.add(refusal(() -> guest.vm.addMemory(end - PAGE, 2 * PAGE, Access.READ)));
      }
    }
    tell("refused " + codes);
    assertThat(codes).as("%s, step %d", seed, told.size()).doesNotContain("done");
  }

  private static String refusal(Runnable request) {
    try {
      request.run();
      return "done";
    } catch (VmmException e) {
      return e.errno().name();
    }
  }

  private void assign(PptDriver ppt, Rid edu, Guest guest) {
    ppt.assign(edu, guest.vm);
    owner = guest;
    PptDevice device = ppt.device(edu).orElseThrow();
    DmaEngineProvider driver = DmaEngines.find(device.function()).orElseThrow();
    Bar bar = device.bars().get(0);
    device.mapMmio(GUEST_BAR, bar.lengthBytes(), bar.base());
    engine = driver.open(guest.vm.bus(), GUEST_BAR);
    tell("assign to " + guest.vm.name() + "; " + translations(guest));
  }

  private void copy(Vmm vmm, Rid edu) {
    long gpa =
        random.nextInt(4) == 0
            ? NOWHERE + PAGE * random.nextInt(8)
            : SPOTS[random.nextInt(SPOTS.length)] + PAGE * random.nextInt(9);
    gpa += BYTES * (long) random.nextInt((int) PAGE / BYTES);
    Access access = accessAt(gpa);
    if (random.nextBoolean() || buffer == null) {
      read(vmm, edu, gpa, access);
    } else {
      write(vmm, edu, gpa, access);
    }
    copies++;
  }

  /** Returns what a device may do there; null for nothing. */
  private Access accessAt(long gpa) {
    var below = owner.memory.floorEntry(gpa);
    return below != null && gpa < below.getKey() + lengthAt(below.getKey())
        ? below.getValue()
        : null;
  }

  private void read(Vmm vmm, Rid edu, long gpa, Access access) {
    byte[] sent = new byte[BYTES];
    random.nextBytes(sent);
    if (access != null) {
      long hpa = owner.vm.domain().orElseThrow().translate(gpa).orElseThrow().hpa();
      machine.memory().writeBytes(hpa, sent, 0, BYTES);
    }
    engine.fromMemory(gpa, 0, BYTES);
    buffer = access == null ? null : sent;
    List<DmaFault> faults = faults(vmm, edu, gpa, access == null, Access.READ);
    tell(String.format("read 0x%x %s", gpa, access), faults);
  }

  private void write(Vmm vmm, Rid edu, long gpa, Access access) {
    byte[] before = access == null ? null : owner.vm.bus().loadBytes(gpa, BYTES);
    engine.toMemory(0, gpa, BYTES);
    boolean legal = access == Access.READ_WRITE;
    List<DmaFault> faults = List.of();
    if (access == Access.READ) {
      vmm.iommu().drainFaults();
    } else {
      faults = faults(vmm, edu, gpa, !legal, Access.WRITE);
    }
    String bytes = "none";
    if (access != null) {
      byte[] after = owner.vm.bus().loadBytes(gpa, BYTES);
      assertThat(after)
          .as("%s, step %d: memory after a write of 0x%x, %s", seed, told.size(), gpa, access)
          .isEqualTo(legal ? buffer : before);
      bytes = HexFormat.of().formatHex(after);
    }
    tell(String.format("write 0x%x %s, bytes %s", gpa, access, bytes), faults);
  }

  /** Returns the faults of one copy after comparing them with the one there may be. */
  private List<DmaFault> faults(Vmm vmm, Rid edu, long gpa, boolean blocked, Access access) {
    List<DmaFault> faults = vmm.iommu().drainFaults().stream().map(OwnedFault::fault).toList();
    List<String> expected = blocked && tellsFaults ? List.of(line(edu, gpa, access)) : List.of();
    assertThat(faults.stream().map(f -> line(f.rid(), f.iova(), f.access())).distinct().toList())
        .as("%s, step %d: faults of a copy at 0x%x", seed, told.size(), gpa)
        .isEqualTo(expected);
    return faults;
  }

  /** Units tell the page, or the very address. */
  private static String line(Rid rid, long iova, Access access) {
    return String.format("%s 0x%x %s", rid, iova & -PAGE, access);
  }

  private void tell(String step) {
    tell(step, List.of());
  }

  private void tell(String step, List<DmaFault> faults) {
    String lines =
        faults.stream()
            .map(f -> line(f.rid(), f.iova(), f.access()))
            .distinct()
            .toList()
            .toString();
    String reasons = faults.stream().map(DmaFault::reasonCode).distinct().toList().toString();
    told.add(new Step(step, lines, reasons));
  }
}
