package dev.vmm.ppt;

import static dev.vmm.ppt.PptFixture.FULL;
import static dev.vmm.ppt.PptFixture.OTHER;
import static dev.vmm.ppt.PptFixture.PLAIN;
import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.VirtualMachine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Many threads on the same devices and VMs. */
class StormTest {
  private static final List<Rid> RIDS = List.of(FULL, OTHER, PLAIN);
  private static final EnumSet<Errno> EXPECTED = EnumSet.of(Errno.EBUSY, Errno.ENOENT, Errno.ENXIO);

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void eightThreadsEndInAConsistentState(long seed) throws Exception {
    PptFixture f = new PptFixture();
    List<byte[]> host = List.of(f.full.image(), f.other.image(), f.plain.image());
    AtomicReferenceArray<VirtualMachine> vms = new AtomicReferenceArray<>(3);
    for (int i = 0; i < vms.length(); i++) {
      vms.set(i, f.vm("vm" + i));
    }
    AtomicInteger names = new AtomicInteger();
    AtomicInteger assigned = new AtomicInteger();
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<?>> running = new ArrayList<>();
      for (int t = 0; t < 8; t++) {
        Random random = new Random(seed * 31 + t);
        running.add(
            threads.submit(
                () -> {
                  for (int i = 0; i < 400; i++) {
                    step(f, vms, random, names, assigned);
                  }
                }));
      }
      for (Future<?> one : running) {
        one.get(60, TimeUnit.SECONDS); // a deadlock shows as a timeout
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(assigned.get()).as("assigns that succeeded").isPositive();
    assertThat(f.provider.violations).isEmpty();
    for (PptDevice device : f.driver.devices()) {
      String domain = device.ownerName().map(name -> "vm:" + name).orElse("blocked");
      assertThat(f.domainOf(device.rid())).isEqualTo(domain);
      assertThat(device.state())
          .isEqualTo(device.ownerName().isPresent() ? PptState.ASSIGNED : PptState.PARKED);
    }
    f.driver.close();
    assertThat(f.driver.devices()).isEmpty();
    for (Rid rid : RIDS) {
      assertThat(f.domainOf(rid)).isEqualTo("host");
    }
    assertThat(f.full.image()).isEqualTo(host.get(0));
    assertThat(f.other.image()).isEqualTo(host.get(1));
    assertThat(f.plain.image()).isEqualTo(host.get(2));
    f.vmm.close();
  }

  private static void step(
      PptFixture f,
      AtomicReferenceArray<VirtualMachine> vms,
      Random random,
      AtomicInteger names,
      AtomicInteger assigned) {
    Rid rid = RIDS.get(random.nextInt(RIDS.size()));
    int slot = random.nextInt(vms.length());
    VirtualMachine vm = vms.get(slot);
    try {
      switch (random.nextInt(12)) {
        case 0, 1, 2 -> f.driver.attach(rid);
        case 3, 4, 5 -> {
          f.driver.assign(rid, vm);
          assigned.incrementAndGet();
        }
        case 6, 7 -> f.driver.unassign(rid, vm);
        case 8 -> f.driver.detach(rid);
        case 9 -> f.driver.unassignAll(vm);
        case 10 -> f.driver.devices().forEach(PptDevice::ownerName);
        default -> {
          VirtualMachine next = f.vm("next" + names.incrementAndGet());
          VirtualMachine last = vms.getAndSet(slot, next);
          last.close();
        }
      }
    } catch (VmmException e) {
      if (!EXPECTED.contains(e.errno())) {
        throw e;
      }
    }
  }

  @Test
  void ofManyAssignsAtOnceExactlyOneSucceeds() throws Exception {
    PptFixture f = new PptFixture();
    f.driver.attach(FULL);
    List<VirtualMachine> vms = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      vms.add(f.vm("vm" + i));
    }
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      List<Future<Boolean>> results = new ArrayList<>();
      for (VirtualMachine vm : vms) {
        results.add(
            threads.submit(
                () -> {
                  try {
                    f.driver.assign(FULL, vm);
                    return true;
                  } catch (VmmException e) {
                    assertThat(e.errno()).isEqualTo(Errno.EBUSY);
                    return false;
                  }
                }));
      }
      int won = 0;
      for (Future<Boolean> result : results) {
        won += result.get(60, TimeUnit.SECONDS) ? 1 : 0;
      }
      assertThat(won).isEqualTo(1);
    } finally {
      threads.shutdownNow();
    }
    assertThat(vms).filteredOn(vm -> vm.domain().isPresent()).hasSize(1);
    assertThat(f.full.resets).isEqualTo(1);
  }
}
