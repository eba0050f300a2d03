package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptState;
import dev.vmm.tck.Bench;
import dev.vmm.tck.VirtualFunctions;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.Test;

/** Many threads on the same devices and guests of real hardware models. */
@RequiresQemu
final class StormTest {
  private static final int THREADS = 8;
  private static final int STEPS = 100;
  private static final long[] SPOTS = {0x2000_0000L, 0x4000_0000L};
  private static final EnumSet<Errno> EXPECTED =
      EnumSet.of(Errno.EBUSY, Errno.ENOENT, Errno.ENXIO, Errno.EINVAL, Errno.EPERM);

  private final AtomicInteger names = new AtomicInteger();
  private final AtomicInteger assigned = new AtomicInteger();
  private final AtomicReferenceArray<VirtualMachine> vms = new AtomicReferenceArray<>(3);

  @Test
  void i02_eightThreadsEndWithEveryRequesterIdInOneDomainAndNothingLeft() throws Exception {
    try (Machine machine = Machines.open("qemu:intel,device='e1000,addr=0x9,romfile='");
        VirtualFunctions vfs = VirtualFunctions.enable(machine, 2)) {
      long allocated = machine.memory().allocatedBytes();
      List<Rid> rids = new ArrayList<>(vfs.rids());
      rids.add(Bench.function(machine, 0x1234, 0x11e8).rid());
      rids.add(Rid.parse("00:09.0"));
      rids.add(Rid.parse("03:01.0")); // behind the conventional bridge
      Map<Rid, Integer> commands = new TreeMap<>();
      rids.forEach(rid -> commands.put(rid, machine.pci().config(rid).read16(Bench.COMMAND)));
      try (Bench bench = Bench.open(machine, vfs.excused(Tunables.defaults()))) {
        for (int i = 0; i < vms.length(); i++) {
          vms.set(i, bench.guest("vm" + i));
        }
        storm(bench, rids);

        assertThat(assigned.get()).as("assigns that succeeded").isPositive();
        assertThat(bench.vmm().iommu().state()).isEqualTo(IommuState.ON);
        bench.vmm().iommu().rescan();
        assertConsistent(bench, rids);
      }
      assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
      assertThat(Bench.unit(machine).enabled()).isFalse();
      rids.forEach(
          rid ->
              assertThat(machine.pci().config(rid).read16(Bench.COMMAND))
                  .as("command register of %s", rid)
                  .isEqualTo(commands.get(rid)));
    }
  }

  private void storm(Bench bench, List<Rid> rids) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < THREADS; t++) {
        Random random = new Random(t);
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < STEPS; i++) {
                    step(bench, rids, random);
                  }
                }));
      }
      for (Future<?> one : running) {
        one.get(120, TimeUnit.SECONDS); // a deadlock shows as a timeout
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private void step(Bench bench, List<Rid> rids, Random random) {
    Rid rid = rids.get(random.nextInt(rids.size()));
    int slot = random.nextInt(vms.length());
    VirtualMachine vm = vms.get(slot);
    long spot = SPOTS[random.nextInt(SPOTS.length)];
    try {
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> bench.ppt().attach(rid);
        case 3, 4, 5 -> {
          bench.ppt().assign(rid, vm);
          assigned.incrementAndGet();
        }
        case 6 -> bench.ppt().unassign(rid, vm);
        case 7 -> bench.ppt().detach(rid);
        case 8, 9 -> vm.addMemory(spot, 0x20_0000, Access.READ_WRITE);
        case 10 -> vm.removeMemory(spot);
        default -> {
          VirtualMachine next = bench.guest("next" + names.incrementAndGet());
          vms.getAndSet(slot, next).close();
        }
      }
    } catch (VmmException e) {
      if (!EXPECTED.contains(e.errno())) {
        throw e;
      }
    }
  }

  /** What ppt says, what the platform says and what the unit was told are the same. */
  private static void assertConsistent(Bench bench, List<Rid> rids) {
    UnitReport unit = bench.unit();
    assertThat(unit.enabled()).isTrue();
    assertThat(unit.problems()).isEmpty();
    assertThat(unit.devices().stream().map(DeviceEntryReport::rid)).doesNotHaveDuplicates();
    assertThat(unit.devices().stream().map(DeviceEntryReport::rid))
        .containsAll(bench.machine().pci().functions().stream().map(PciFunction::rid).toList());
    Map<String, Long> roots = new HashMap<>();
    Map<Long, String> names = new HashMap<>();
    for (DeviceEntryReport entry : unit.devices()) {
      String domain = bench.vmm().iommu().domainNameOf(entry.rid()).orElseThrow();
      assertThat(roots.merge(domain, entry.tableRoot(), (old, now) -> old))
          .as("tables of %s, domain %s", entry.rid(), domain)
          .isEqualTo(entry.tableRoot());
      assertThat(names.merge(entry.tableRoot(), domain, (old, now) -> old)).isEqualTo(domain);
    }
    for (Rid rid : rids) {
      String expected = "host";
      PptDevice device = bench.ppt().device(rid).orElse(null);
      if (device != null) {
        expected = device.ownerName().map(name -> "vm:" + name).orElse("blocked");
        assertThat(device.state())
            .isEqualTo(device.ownerName().isPresent() ? PptState.ASSIGNED : PptState.PARKED);
      }
      assertThat(bench.vmm().iommu().domainNameOf(rid)).as(rid.toString()).hasValue(expected);
    }
    for (VirtualMachine vm : bench.vmm().vms()) {
      assertThat(vm.domain().isPresent()).isEqualTo(!vm.devices().isEmpty());
      vm.domain()
          .ifPresent(
              domain ->
                  vm.memory()
                      .forEach(
                          segment ->
                              assertThat(domain.translate(segment.gpa()).orElseThrow().hpa())
                                  .isEqualTo(segment.hpa())));
    }
  }
}
