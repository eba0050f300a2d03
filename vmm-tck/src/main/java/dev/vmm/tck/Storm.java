package dev.vmm.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.PptState;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Threads that attach, assign, unassign, detach, destroy, add and remove memory at random, and
 * threads that make DMA meanwhile; each writes down in the ledger what it may have changed.
 */
final class Storm {
  private static final int THREADS = 8;
  private static final int DMA_THREADS = 3;
  private static final int GUESTS = 3;
  private static final int MAX_DMAS = 400_000;
  private static final long PATIENCE_SECONDS = 120;

  /** Below what the machine allocates: a device of the host that writes there hurts nobody. */
  private static final long LOW_GPA = 0x20_0000;

  private static final long LOW_BYTES = 0x2_0000;
  private static final long[] SPOTS = {0xa0_0000L, 0xc0_0000L};
  private static final long SPOT_BYTES = 0x8000;
  private static final Set<Errno> EXPECTED =
      EnumSet.of(Errno.EBUSY, Errno.ENOENT, Errno.ENXIO, Errno.EINVAL, Errno.EPERM);

  /** Memory of the test's own that a guest has at a spot. */
  private record Lent(long hpa, List<OwnershipLedger.Tenure> tenures) {}

  /** A guest, and what it was lent; the ledger knows it by this object. */
  private static final class Guest {
    final VirtualMachine vm;
    final @Nullable Lent[] lent = new Lent[SPOTS.length];

    Guest(VirtualMachine vm) {
      this.vm = vm;
    }

    @Override
    public String toString() {
      return vm.name();
    }
  }

  private final ModelMachine machine;
  private final OwnershipLedger ledger;
  private final Vmm vmm;
  private final PptDriver ppt;
  private final List<Rid> rids;
  private final AtomicReferenceArray<Guest> guests = new AtomicReferenceArray<>(GUESTS);
  private final AtomicInteger names = new AtomicInteger();
  private final AtomicInteger assigned = new AtomicInteger();
  private final AtomicInteger destroyed = new AtomicInteger();
  private final DmaListener listener;

  Storm(ModelMachine machine, Tunables tunables, OwnershipLedger ledger) {
    this.machine = machine;
    this.ledger = ledger;
    this.listener = ledger::judge;
    vmm = Vmm.open(machine, tunables);
    ppt = PptDriver.open(vmm, new QuickTime());
    rids = Endpoints.of(machine.pci().functions()).stream().map(PciFunction::rid).toList();
    for (int i = 0; i < GUESTS; i++) {
      guests.set(i, guest());
    }
  }

  int assigned() {
    return assigned.get();
  }

  int destroyed() {
    return destroyed.get();
  }

  IommuState state() {
    return vmm.iommu().state();
  }

  /** Makes so many steps in each thread; a thread that does not end fails with all stacks. */
  void run(int steps, long seed) throws Exception {
    startIommu();
    machine.listen(listener);
    AtomicBoolean over = new AtomicBoolean();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS + DMA_THREADS);
    try {
      List<Future<?>> dma = new ArrayList<>();
      for (int t = 0; t < DMA_THREADS; t++) {
        Random random = new Random(seed * 1000 + 500 + t);
        dma.add(threads.submit(() -> makeDma(random, over)));
      }
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        Random random = new Random(seed * 1000 + t);
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < steps; i++) {
                    step(random);
                  }
                }));
      }
      await(running, seed);
      over.set(true);
      await(dma, seed);
    } finally {
      over.set(true);
      threads.shutdownNow();
      machine.unlisten(listener);
    }
  }

  /** Has it on from the beginning: while it is off all DMA reaches everything. */
  private void startIommu() {
    Rid first = rids.get(0);
    ppt.attach(first);
    ppt.assign(first, guests.get(0).vm);
    ppt.unassign(first, guests.get(0).vm);
    rids.forEach(rid -> ledger.mayGet(rid, OwnershipLedger.HOST));
    ledger.lost(first, OwnershipLedger.HOST);
  }

  private static void await(List<Future<?>> running, long seed) throws Exception {
    for (Future<?> one : running) {
      try {
        one.get(PATIENCE_SECONDS, TimeUnit.SECONDS);
      } catch (TimeoutException e) {
        throw new AssertionError("seed " + seed + ": a thread does not end\n" + stacks(), e);
      } catch (ExecutionException e) {
        throw new AssertionError("seed " + seed + ": a thread failed", e.getCause());
      }
    }
  }

  private static String stacks() {
    return Thread.getAllStackTraces().entrySet().stream()
        .map(Storm::stack)
        .collect(Collectors.joining("\n\n"));
  }

  private static String stack(Map.Entry<Thread, StackTraceElement[]> entry) {
    return entry.getKey().getName()
        + " "
        + entry.getKey().getState()
        + Arrays.stream(entry.getValue())
            .map(frame -> "\n  at " + frame)
            .collect(Collectors.joining());
  }

  private Guest guest() {
    Guest guest = new Guest(vmm.createVm("guest" + names.incrementAndGet()));
    MemorySegment low = guest.vm.addMemory(LOW_GPA, LOW_BYTES, Access.READ_WRITE);
    ledger.mayHold(new AddressRange(low.hpa(), low.lengthBytes()), guest);
    return guest;
  }

  private void step(Random random) {
    Rid rid = rids.get(random.nextInt(rids.size()));
    int slot = random.nextInt(GUESTS);
    Guest guest = guests.get(slot);
    int spot = random.nextInt(SPOTS.length);
    try {
      switch (random.nextInt(14)) {
        case 0, 1, 2 -> {
          ppt.attach(rid);
          ledger.lost(rid, OwnershipLedger.HOST);
        }
        case 3, 4, 5, 6 -> assign(rid, guest);
        case 7, 8 -> {
          ppt.unassign(rid, guest.vm);
          ledger.lost(rid, guest);
        }
        case 9 -> detach(rid);
        case 10, 11 -> lend(guest, spot);
        case 12 -> takeBack(guest, spot);
        default -> {
          destroy(guests.getAndSet(slot, guest()));
          destroyed.incrementAndGet();
        }
      }
    } catch (VmmException e) {
      if (!EXPECTED.contains(e.errno()) && !isRestless(rid, e)) {
        throw e;
      }
    }
  }

  /**
   * Says whether it was refused because the device makes DMA while nobody has it, as all here do:
   * it is broken then, until a detach finds it silent.
   */
  private boolean isRestless(Rid rid, VmmException e) {
    return e.errno() == Errno.EIO && String.valueOf(e.getMessage()).startsWith(rid.toString());
  }

  private void assign(Rid rid, Guest guest) {
    OwnershipLedger.Tenure tenure = ledger.mayGet(rid, guest);
    try {
      ppt.assign(rid, guest.vm);
      assigned.incrementAndGet();
    } catch (VmmException e) {
      ledger.didNotGet(tenure);
      throw e;
    }
  }

  private void detach(Rid rid) {
    OwnershipLedger.Tenure tenure = ledger.mayGet(rid, OwnershipLedger.HOST);
    try {
      ppt.detach(rid);
    } catch (VmmException e) {
      ledger.didNotGet(tenure);
      throw e;
    }
  }

  private void lend(Guest guest, int spot) {
    synchronized (guest.lent) {
      if (guest.lent[spot] != null) {
        return;
      }
      long hpa = machine.memory().allocate(SPOT_BYTES, PhysicalMemory.PAGE_BYTES);
      List<OwnershipLedger.Tenure> tenures =
          ledger.mayHold(new AddressRange(hpa, SPOT_BYTES), guest);
      try {
        guest.vm.addMemory(new MemorySegment(SPOTS[spot], hpa, SPOT_BYTES, Access.READ_WRITE));
        guest.lent[spot] = new Lent(hpa, tenures);
      } catch (VmmException e) {
        giveBack(new Lent(hpa, tenures));
        throw e;
      }
    }
  }

  private void takeBack(Guest guest, int spot) {
    synchronized (guest.lent) {
      Lent lent = guest.lent[spot];
      if (lent != null) {
        guest.vm.removeMemory(SPOTS[spot]);
        guest.lent[spot] = null;
        giveBack(lent);
      }
    }
  }

  private void giveBack(Lent lent) {
    ledger.released(lent.tenures());
    machine.memory().free(lent.hpa(), SPOT_BYTES);
  }

  private void destroy(Guest guest) {
    guest.vm.close();
    ledger.ended(guest);
    synchronized (guest.lent) {
      for (int spot = 0; spot < SPOTS.length; spot++) {
        Lent lent = guest.lent[spot];
        guest.lent[spot] = null;
        if (lent != null) {
          giveBack(lent);
        }
      }
    }
  }

  private void makeDma(Random random, AtomicBoolean over) {
    byte[] bytes = new byte[16];
    for (int i = 0; i < MAX_DMAS && !over.get(); i++) {
      Rid rid = rids.get(random.nextInt(rids.size()));
      long iova =
          switch (random.nextInt(3)) {
            case 0 -> LOW_GPA + (random.nextInt((int) LOW_BYTES) & -16);
            case 1 ->
                SPOTS[random.nextInt(SPOTS.length)] + (random.nextInt((int) SPOT_BYTES) & -16);
            default -> LOW_GPA + LOW_BYTES - 8; // the second half is the next page, not mapped
          };
      if (random.nextBoolean()) {
        machine.dmaWrite(rid, iova, bytes);
      } else {
        machine.dmaRead(rid, iova, bytes);
      }
    }
  }

  /** Expects that what ppt says and what the platform says are the same. */
  void assertConsistent() {
    for (Rid rid : rids) {
      String expected = DmaProbe.HOST;
      PptDevice device = ppt.device(rid).orElse(null);
      if (device != null) {
        expected = device.ownerName().map(name -> "vm:" + name).orElse(DmaProbe.BLOCKED);
        if (device.ownerName().isPresent()) {
          assertThat(device.state()).isEqualTo(PptState.ASSIGNED);
        } else {
          assertThat(device.state()).isIn(PptState.PARKED, PptState.BROKEN);
        }
      }
      assertThat(vmm.iommu().domainNameOf(rid)).as(rid.toString()).hasValue(expected);
    }
  }

  /** Destroys the guests and takes the platform down. */
  void close() {
    for (int i = 0; i < GUESTS; i++) {
      destroy(guests.get(i));
    }
    ppt.close();
    vmm.close();
  }
}
