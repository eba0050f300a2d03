package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.IommuState;
import dev.vmm.core.MemorySegment;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.Presence;
import dev.vmm.core.VirtualMachine;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.ConfigSpace;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptState;
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
 * The invariants on a VT-d unit and devices that others wrote. One machine serves all tests of a
 * class: each opens a platform on it, and its close must hand the machine back as it was found.
 */
@RequiresQemu
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class PassThroughContract {
  private static final long GCMD = 0x18;
  private static final long GSTS = 0x1c;
  private static final long IQT = 0x88;

  /** Where ECAP.IRO of QEMU's unit puts it. */
  private static final long IOTLB = 0xf8;

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

  PassThroughContract(String machineName, Map<String, String> tunables) {
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

  private Bench bench() {
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
  void i05_theNextDmaAfterAnUnmapFaults() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      byte[] sent = Bench.pattern(5, 256);
      vm.bus().storeBytes(0x1000_0000, sent);
      engine.fromMemory(0x1000_0000, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);
      assertThat(vm.bus().loadBytes(0x1000_4000, 256)).isEqualTo(sent);
      long hpa = vm.memory().get(1).hpa();
      assertThat(bench.faults()).isEmpty();

      vm.removeMemory(0x1000_0000);
      byte[] before = new byte[256];
      machine.memory().readBytes(hpa + 0x4000, before, 0, 256);
      engine.fromMemory(0, 0, 256);
      engine.toMemory(0, 0x1000_4000, 256);

      byte[] after = new byte[256];
      machine.memory().readBytes(hpa + 0x4000, after, 0, 256);
      assertThat(after).isEqualTo(before);
      assertThat(bench.faults())
          .anySatisfy(
              fault -> {
                assertThat(fault.fault().rid()).isEqualTo(bench.edu);
                assertThat(fault.fault().iova()).isEqualTo(0x1000_4000);
                assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
                assertThat(fault.domain()).isEqualTo("vm:guest");
              });
    }
  }

  @Test
  void i05_oneUnmapOfALargeRangeIsOneInvalidation() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x4000_0000, 0x800_0000, Access.READ_WRITE);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      machine.forget();

      vm.removeMemory(0x4000_0000);

      // By the queue's tail or by the register, whichever the unit is told with.
      assertThat(machine.writesTo(IQT).size() + machine.writesTo(IOTLB).size()).isEqualTo(1);
    }
  }

  @Test
  void guestDmaGoesBothWaysThroughGpas() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      int length = engine.bufferBytes();
      byte[] sent = Bench.pattern(1, length);
      vm.bus().storeBytes(0x20_0000, sent);

      engine.fromMemory(0x20_0000, 0, length);
      engine.toMemory(0, 0x1000_1000, length);

      assertThat(vm.bus().loadBytes(0x1000_1000, length)).isEqualTo(sent);
      assertThat(vm.memory())
          .allSatisfy(segment -> assertThat(segment.hpa()).isNotEqualTo(segment.gpa()));
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void dmaOutsideTheGuestIsBlockedAndTold() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      long hole = 0x0080_0000;
      byte[] before = new byte[64];
      machine.memory().readBytes(hole, before, 0, 64);
      vm.bus().storeBytes(0, Bench.pattern(2, 64));
      engine.fromMemory(0, 0, 64);
      engine.toMemory(0, hole, 64);

      byte[] after = new byte[64];
      machine.memory().readBytes(hole, after, 0, 64);
      assertThat(after).isEqualTo(before);
      assertThat(bench.faults())
          .singleElement()
          .satisfies(
              fault -> {
                assertThat(fault.domain()).isEqualTo("vm:guest");
                assertThat(fault.fault().rid()).isEqualTo(bench.edu);
                assertThat(fault.fault().iova()).isEqualTo(hole);
                assertThat(fault.fault().access()).isEqualTo(Access.WRITE);
                assertThat(fault.fault().reasonCode()).isEqualTo(5);
              });
      assertThat(bench.faults()).as("a fault is told once").isEmpty();
    }
  }

  @Test
  void readOnlyGuestMemoryCannotBeWrittenByTheDevice() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      vm.addMemory(0x2000_0000, 0x2000, Access.READ);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      vm.bus().storeBytes(0, Bench.pattern(3, 64));
      engine.fromMemory(0, 0, 64);
      engine.fromMemory(0x2000_0000, 64, 64);
      assertThat(bench.faults()).isEmpty();

      // Not the page that was read: QEMU records no fault where its IOTLB has a read-only entry.
      engine.toMemory(0, 0x2000_1000, 64);

      assertThat(vm.bus().loadBytes(0x2000_1000, 64)).containsOnly(0);
      assertThat(bench.faults())
          .extracting(fault -> fault.fault().access())
          .containsExactly(Access.WRITE);
    }
  }

  @Test
  void memoryAddedAfterTheAssignIsReachable() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DmaEngine engine = bench.guestEngine(vm);
      vm.addMemory(0x3000_0000, 0x2000, Access.READ_WRITE);
      byte[] sent = Bench.pattern(4, 512);
      vm.bus().storeBytes(0x3000_0000, sent);

      engine.fromMemory(0x3000_0000, 0, 512);
      engine.toMemory(0, 0x3000_1000, 512);

      assertThat(vm.bus().loadBytes(0x3000_1000, 512)).isEqualTo(sent);
      assertThat(bench.faults()).isEmpty();
    }
  }

  @Test
  void twoGuestsWithTheSameGpasReachOnlyTheirOwnMemory() {
    try (Bench bench = bench()) {
      VirtualMachine one = bench.guest("one");
      VirtualMachine two = bench.guest("two");
      bench.ppt.attach(bench.edu);
      byte[] first = Bench.pattern(11, 128);
      byte[] second = Bench.pattern(12, 128);
      one.bus().storeBytes(0x1000, first);
      two.bus().storeBytes(0x1000, second);
      bench.ppt.assign(bench.edu, one);
      DmaEngine engine = bench.guestEngine(one);
      engine.fromMemory(0x1000, 0, 128);
      bench.ppt.unassign(bench.edu, one);

      bench.ppt.assign(bench.edu, two);
      engine = bench.guestEngine(two);
      engine.toMemory(0, 0x1000, 128);

      assertThat(one.bus().loadBytes(0x1000, 128)).isEqualTo(first);
      assertThat(two.bus().loadBytes(0x1000, 128)).isEqualTo(first);
      engine.fromMemory(0x2000, 0, 128);
      engine.toMemory(0, 0x1000, 128);
      assertThat(two.bus().loadBytes(0x1000, 128)).containsOnly(0);
      assertThat(one.bus().loadBytes(0x1000, 128)).isEqualTo(first);
    }
  }

  @Test
  void guestMemoryIsMappedWithLargePages() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      DeviceEntryReport entry = bench.entry(bench.edu).orElseThrow();
      var domain =
          bench.unit().domains().stream()
              .filter(d -> d.tableRoot() == entry.tableRoot())
              .findFirst()
              .orElseThrow();
      assertThat(domain.problems()).isEmpty();
      Map<Long, Long> mapped = new TreeMap<>();
      domain.mappings().forEach(m -> mapped.put(m.iova(), m.lengthBytes()));
      assertThat(mapped)
          .containsExactlyInAnyOrderEntriesOf(Map.of(0L, 0x40_0000L, 0x1000_0000L, 0x10_0000L));
      assertThat(domain.mappings().get(0).pageSizes()).isEqualTo(0x20_0000);
      for (MemorySegment segment : vm.memory()) {
        assertThat(domain.mappings())
            .anySatisfy(
                m -> {
                  assertThat(m.iova()).isEqualTo(segment.gpa());
                  assertThat(m.hpa()).isEqualTo(segment.hpa());
                });
      }
    }
  }

  @Test
  void i07_destroyUnassignsQuiescesAndBlocks() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      MemorySegment segment = vm.memory().get(0);

      vm.close();

      assertThat(bench.ppt.device(bench.edu).orElseThrow().state()).isEqualTo(PptState.PARKED);
      assertThat(bench.command(bench.edu) & 0x7).isZero();
      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("blocked");
      DeviceEntryReport blocked = bench.entry(bench.edu).orElseThrow();
      assertThat(bench.unit().domains().stream().filter(d -> d.tableRoot() == blocked.tableRoot()))
          .singleElement()
          .satisfies(domain -> assertThat(domain.mappings()).isEmpty());
      // Even a device that is told to go on reaches nothing.
      machine.memory().write64(segment.hpa(), 0x5a5a5a5aL);
      bench.machine.pci().config(bench.edu).write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      bench.hostEngine().toMemory(0, segment.hpa(), 64);
      bench.machine.pci().config(bench.edu).write16(Bench.COMMAND, 0);
      assertThat(machine.memory().read64(segment.hpa())).isEqualTo(0x5a5a5a5aL);
      assertThat(bench.faults()).extracting(OwnedFault::domain).containsExactly("blocked");
    }
  }

  @Test
  void i08_homeIsBlockedWhileAttachedAndTheHostDomainAfterDetach() {
    try (Bench bench = bench()) {
      VirtualMachine vm = bench.guest("guest");
      int found = bench.command(bench.edu);
      bench.ppt.attach(bench.edu);
      bench.ppt.assign(bench.edu, vm);
      bench.ppt.unassign(bench.edu, vm);
      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("blocked");

      bench.ppt.detach(bench.edu);

      assertThat(bench.vmm.iommu().domainNameOf(bench.edu)).hasValue("host");
      assertThat(bench.command(bench.edu)).isEqualTo(found);
      ConfigSpace config = machine.pci().config(bench.edu);
      config.write16(Bench.COMMAND, Bench.MEMORY_AND_BUS_MASTER);
      long hpa = machine.memory().allocate(0x2000, 0x1000);
      byte[] sent = Bench.pattern(8, 1024);
      machine.memory().writeBytes(hpa, sent, 0, 1024);
      DmaEngine engine = bench.hostEngine();
      engine.fromMemory(hpa, 0, 1024);
      engine.toMemory(0, hpa + 0x1000, 1024);
      byte[] received = new byte[1024];
      machine.memory().readBytes(hpa + 0x1000, received, 0, 1024);
      assertThat(received).isEqualTo(sent);
      config.write16(Bench.COMMAND, found);
      machine.memory().free(hpa, 0x2000);
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
