package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The I/O MMU's start, its refusals and its end, on a VT-d unit that others wrote. One machine
 * serves all tests of a class: each opens a platform on it, and its close must hand the machine
 * back as it was found.
 */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class StartContract {
  private static final long GCMD = 0x18;
  private static final long GSTS = 0x1c;

  private static final int TE = 1 << 31;
  private static final int RTPS = 1 << 30;
  private static final int QIE = 1 << 26;
  private static final int IRE = 1 << 25;

  /**
   * What the bridge to the conventional bus, where the e1000 is, puts in place of its devices'
   * requester ids.
   */
  private static final Rid CONVENTIONAL_BUS_ALIAS = Rid.parse("0000:03:00.0");

  private final String machineName;
  private final Tunables tunables;
  private ObservedMachine machine;

  StartContract(String machineName, Map<String, String> tunables) {
    this.machineName = machineName;
    this.tunables = Tunables.of(tunables);
  }

  @BeforeAll
  void startMachine() {
    machine = new ObservedMachine(Machines.open(machineName));
  }

  @AfterAll
  void stopMachine() {
    if (machine != null) {
      machine.close();
    }
  }

  @BeforeEach
  void forgetAccesses() {
    machine.forget();
  }

  final ObservedMachine machine() {
    return machine;
  }

  final Bench bench() {
    return new Bench(machine, tunables);
  }

  /**
   * The status bits that somebody turned on; that a root table was once set (RTPS) cannot be
   * undone.
   */
  private int gsts() {
    return machine.registers(ObservedMachine.UNIT_BASE, 0x1000).read32(GSTS) & ~RTPS;
  }

  @Test
  void i01_plainVmsAndAttachTouchNoUnitRegister() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("plain");
      vm.bus().store64(0x1000, 0x1122334455667788L);
      assertThat(vm.bus().load64(0x1000)).isEqualTo(0x1122334455667788L);
      bench.ppt.attach(bench.edu);
      vm.close();

      assertThat(machine.accesses()).isEmpty();
      assertThat(bench.vmm.sysctls()).containsEntry("hw.vmm.iommu.initialized", "0");
      assertThat(bench.command(bench.edu) & 0x7).as("command register of the ppt device").isZero();
      assertThat(gsts()).isZero();
    }
  }

  @Test
  void i02_everyCoveredFunctionIsInExactlyOneDomainFromTheStart() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);

      UnitReport unit = bench.unit();
      assertThat(unit.enabled()).isTrue();
      assertThat(unit.problems()).isEmpty();
      Set<Rid> functions =
          machine.pci().functions().stream().map(PciFunction::rid).collect(Collectors.toSet());
      functions.add(CONVENTIONAL_BUS_ALIAS);
      assertThat(unit.devices().stream().map(DeviceEntryReport::rid))
          .containsExactlyInAnyOrderElementsOf(functions);
      int guestDomain = bench.entry(bench.edu).orElseThrow().domainId();
      Set<Integer> others =
          unit.devices().stream()
              .filter(entry -> !entry.rid().equals(bench.edu))
              .map(DeviceEntryReport::domainId)
              .collect(Collectors.toSet());
      assertThat(others).as("the host domain's id").hasSize(1).doesNotContain(guestDomain, 0);
      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("vm:guest");
    }
  }

  @Test
  void i02_functionsThatAppearLaterJoinTheHostDomain() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2)) {
        assertThat(vfs.rids()).hasSize(2).allSatisfy(rid -> assertThat(bench.entry(rid)).isEmpty());

        bench.vmm.iommu().rescan();

        assertThat(vfs.rids())
            .allSatisfy(rid -> assertThat(bench.vmm.iommu().domainNameOf(rid)).hasValue("host"))
            .allSatisfy(rid -> assertThat(bench.entry(rid)).isPresent());
      }
    }
  }

  @Test
  void i02_aVirtualFunctionIsTranslatedByItsOwnRequesterId() {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 1);
        Bench bench = bench()) {
      Rid vf = vfs.rids().get(0);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(vf);
      bench.ppt.assign(vf, vm);

      DeviceEntryReport own = bench.entry(vf).orElseThrow();
      DeviceEntryReport pf = bench.entry(vfs.pf()).orElseThrow();
      assertThat(own.domainId()).isNotEqualTo(pf.domainId());
      assertThat(bench.vmm.iommu().domainNameOf(vf)).hasValue("vm:guest");
      assertThat(bench.vmm.iommu().domainNameOf(vfs.pf())).hasValue("host");
    }
  }

  @Test
  void i03_theTunableForbidsAndTheDeviceStaysAsItWas() {
    try (Bench bench = new Bench(machine, tunables.with("hw.vmm.iommu.enable", "0"))) {
      int command = bench.command(bench.edu);
      assertThatThrownBy(() -> bench.ppt.attach(bench.edu))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL)
          .hasMessageContaining("hw.vmm.iommu.enable");
      assertThat(bench.command(bench.edu)).isEqualTo(command);
      assertThat(bench.ppt.devices()).isEmpty();
      assertThat(machine.accesses()).isEmpty();
      assertThat(bench.vmm.iommu().state()).isEqualTo(IommuState.DISABLED);
    }
  }

  @Test
  void i04_concurrentFirstAssignsStartTheUnitOnce() throws Exception {
    try (VirtualFunctions vfs = VirtualFunctions.enable(machine, 2);
        Bench bench = bench()) {
      List<Rid> rids = List.of(bench.edu, vfs.rids().get(0), vfs.rids().get(1));
      ExecutorService pool = Executors.newFixedThreadPool(rids.size());
      try {
        CountDownLatch go = new CountDownLatch(1);
        List<Future<?>> assigns =
            rids.stream()
                .<Future<?>>map(
                    rid -> {
                      VirtualMachine vm = bench.guest("guest " + rid);
                      bench.ppt.attach(rid);
                      return pool.submit(
                          () -> {
                            go.await();
                            return bench.ppt.assign(rid, vm);
                          });
                    })
                .toList();
        go.countDown();
        for (Future<?> assign : assigns) {
          assign.get();
        }
      } finally {
        pool.shutdownNow();
      }
      int wasOn = 0;
      int turnedOn = 0;
      for (ObservedMachine.Access write : machine.writesTo(GCMD)) {
        int on = (int) write.value() & TE;
        if (on != 0 && wasOn == 0) {
          turnedOn++;
        }
        wasOn = on;
      }
      assertThat(turnedOn).as("times that GCMD.TE was turned on").isEqualTo(1);
      assertThat(
              rids.stream()
                  .map(rid -> bench.vmm.iommu().domainNameOf(rid).orElseThrow())
                  .distinct())
          .hasSize(3);
    }
  }

  @Test
  void i11_aUnitThatIsOnAlreadyBelongsToSomebodyElse() {
    var unit = machine.registers(ObservedMachine.UNIT_BASE, 0x1000);
    long root = machine.memory().allocatePage();
    unit.write64(0x20, root);
    unit.write32(GCMD, 1 << 30);
    unit.write32(GCMD, TE);
    assertThat(gsts() & TE).isNotZero();
    try (Bench bench = bench()) {
      bench.ppt.attach(bench.edu);
      VirtualMachine vm = bench.guest("guest");
      machine.forget();

      assertThatThrownBy(() -> bench.ppt.assign(bench.edu, vm))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
          .hasMessageStartingWith(Presence.REFUSAL);
      assertThat(bench.vmm.iommu().failure().orElseThrow().errno()).isEqualTo(Errno.EBUSY);
      assertThat(bench.vmm.iommu().state()).isEqualTo(IommuState.FAILED);
      assertThat(machine.accesses()).noneMatch(ObservedMachine.Access::write);
      assertThat(gsts() & TE).isNotZero();

      // Its owner lets it go: the next assign tries again.
      unit.write32(GCMD, 0);
      unit.write64(0x20, 0);
      bench.ppt.assign(bench.edu, vm);
      assertThat(bench.vmm.iommu().state()).isEqualTo(IommuState.ON);
    } finally {
      machine.memory().free(root, 0x1000);
    }
  }

  @Test
  void i14_noCommandDropsTranslationOrTheQueueWhileOn() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      bench.ppt.unassign(bench.edu, vm);
      bench.ppt.assign(bench.edu, vm);
      vm.addMemory(0x3000_0000, 0x1000, Access.READ_WRITE);
      vm.removeMemory(0x3000_0000);
      vm.close();
      bench.ppt.detach(bench.edu);
      int held = 0;
      for (ObservedMachine.Access write : machine.writesTo(GCMD)) {
        assertThat((int) write.value() & held)
            .as("GCMD 0x%x keeps 0x%x", write.value(), held)
            .isEqualTo(held);
        held = (int) write.value() & (TE | QIE | IRE);
      }
      assertThat(held & TE).isNotZero();
    }
  }

  @Test
  void closeReturnsTheMachineAsItWasFound() {
    Map<String, Long> found = settled(Bench.unit(machine));
    long allocated = machine.memory().allocatedBytes();
    int command;
    try (Bench bench = bench()) {
      command = bench.command(bench.edu);
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      assertThat(settled(bench.unit())).isNotEqualTo(found);
    }
    assertThat(settled(Bench.unit(machine))).isEqualTo(found);
    assertThat(machine.memory().allocatedBytes()).isEqualTo(allocated);
    assertThat(
            machine
                .pci()
                .config(Bench.function(machine, 0x1234, 0x11e8).rid())
                .read16(Bench.COMMAND))
        .isEqualTo(command);
  }

  /**
   * The registers that somebody set, not those that only say what happened. Of IQA, QEMU shows what
   * it latched when the queue was last turned on, not what was written since.
   */
  private static Map<String, Long> settled(UnitReport unit) {
    return unit.registers().stream()
        .filter(
            r ->
                !Set.of("IQA", "IQH", "IQT", "FSTS", "ICS", "CCMD", "IOTLB", "IVA")
                    .contains(shortName(r)))
        .filter(r -> !shortName(r).startsWith("FRCD"))
        .collect(
            Collectors.toMap(
                r -> r.name() + " @" + r.offset(),
                r -> shortName(r).equals("GSTS") ? r.raw() & ~RTPS : r.raw(),
                (a, b) -> a,
                TreeMap::new));
  }

  private static String shortName(RegisterReport register) {
    return register.name().replace("_REG", "");
  }
}
