package dev.vmm.tck.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.testing.RequiresQemu;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/** The example drives a unit and moves a device that others wrote. */
@RequiresQemu
@ParameterizedClass
@ValueSource(strings = {"qemu:intel", "qemu:intel,aw-bits=48", "qemu:intel,caching-mode=on"})
class ExampleOnQemuTest {
  private static final Tunables EXAMPLE =
      Tunables.of(Map.of("hw.vmm.iommu.backend", "example-vtd"));
  private static final long UNIT = 0xfed90000L;
  private static final long BAR = 0xe000_0000L;

  private final Machine machine;
  private final Rid edu;

  ExampleOnQemuTest(String name) {
    machine = Machines.open(name);
    edu =
        machine.pci().functions().stream()
            .filter(function -> function.vendorId() == 0x1234)
            .findFirst()
            .map(PciFunction::rid)
            .orElseThrow();
  }

  @AfterEach
  void everythingIsAsItWasFound() {
    try (machine) {
      RegisterBlock unit = machine.registers(UNIT, 0x1000);
      assertThat(unit.read32(0x1c) & ~(1 << 30)).as("GSTS but RTPS").isZero();
      assertThat(unit.read64(0x20)).as("RTADDR").isZero();
      assertThat(machine.memory().allocatedBytes()).isZero();
    }
  }

  private static DmaEngine engine(VirtualMachine vm, PptDevice device) {
    DmaEngineProvider driver = DmaEngines.find(device.function()).orElseThrow();
    Bar bar =
        device.bars().stream()
            .filter(b -> b.index() == driver.registerBar())
            .findFirst()
            .orElseThrow();
    device.mapMmio(BAR, bar.lengthBytes(), bar.base());
    return driver.open(vm.bus(), BAR);
  }

  @Test
  void aGuestOwnsADeviceUntilItsMemoryIsTakenAway() {
    try (Vmm vmm = Vmm.open(machine, EXAMPLE);
        PptDriver ppt = PptDriver.open(vmm)) {
      VirtualMachine vm = vmm.createVm("guest");
      vm.addMemory(0, 0x40_0000, Access.READ_WRITE);
      vm.addMemory(0x1000_0000, 0x10_0000, Access.READ_WRITE);
      ppt.attach(edu);
      PptDevice device = ppt.assign(edu, vm);
      DmaEngine engine = engine(vm, device);
      byte[] sent =
          "what the guest gave to its device".getBytes(java.nio.charset.StandardCharsets.UTF_8);
      vm.bus().storeBytes(0x2000, sent);

      engine.fromMemory(0x2000, 0, sent.length);
      engine.toMemory(0, 0x1000_3000, sent.length);
      assertThat(vm.bus().loadBytes(0x1000_3000, sent.length)).isEqualTo(sent);
      assertThat(vmm.iommu().drainFaults()).isEmpty();

      vm.removeMemory(0x1000_0000);
      engine.toMemory(0, 0x1000_3000, sent.length);
      assertThat(vmm.iommu().drainFaults())
          .singleElement()
          .satisfies(
              told -> {
                assertThat(told.domain()).isEqualTo("vm:guest");
                assertThat(told.fault().unit()).isEqualTo("vtd@0xfed90000");
                assertThat(told.fault().rid()).isEqualTo(edu);
                assertThat(told.fault().iova()).isEqualTo(0x1000_3000);
                assertThat(told.fault().access()).isEqualTo(Access.WRITE);
                assertThat(told.fault().reason()).isEqualTo("no write permission");
              });

      ppt.unassign(edu, vm);
      assertThat(vmm.iommu().domainNameOf(edu)).hasValue("blocked");
      ppt.detach(edu);
      assertThat(vmm.iommu().domainNameOf(edu)).hasValue("host");
      assertThat(vmm.iommu().drainFaults()).extracting(OwnedFault::domain).isEmpty();
    }
  }

  @Test
  void i02_aMoveTakesAllRequesterIdsAndRepeatsNothing() {
    try (Iommu iommu = open()) {
      Domain one = iommu.createDomain(new DomainSpec("one", (1L << 39) - 1));
      Domain two = iommu.createDomain(new DomainSpec("two", (1L << 39) - 1));
      List<Rid> rids = List.of(edu, new Rid(0, 1, 0, 0), new Rid(0, 1, 0, 1));
      iommu.move(rids, one);
      iommu.enable();
      assertThat(iommu.enabled()).isTrue();
      long before = machine.memory().allocatedBytes();

      iommu.move(rids, two);
      iommu.move(rids, two);

      assertThat(rids).allSatisfy(rid -> assertThat(iommu.domainOf(rid)).containsSame(two));
      assertThat(machine.memory().allocatedBytes()).as("a move costs no memory").isEqualTo(before);
      assertThatThrownBy(two::close)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY));
      assertThatThrownBy(() -> iommu.move(List.of(edu, new Rid(1, 0, 0, 0)), one))
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO));
      assertThat(iommu.domainOf(edu)).containsSame(two);
      one.close();
      iommu.close();
      two.close();
    }
  }

  @Test
  void i11_aUnitThatSomebodyElseTurnedOnIsLeftToHim() {
    try (Iommu owner = open()) {
      owner.enable();
      assertThatThrownBy(this::open)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EBUSY))
          .hasMessageContaining("GSTS is 0xc0000000");
    }
  }

  @Test
  void theUnitIsFoundInTheFirmwaresTable() {
    assertThat(new ExampleProvider().probe(machine))
        .isEqualTo(new ProbeResult.Present(1, "1 VT-d unit at 0xfed90000"));
    try (Iommu iommu = open()) {
      assertThat(iommu.unitOf(edu)).isEqualTo(Optional.of("vtd@0xfed90000"));
      assertThat(iommu.capabilities().coherent()).isFalse();
      assertThat(iommu.capabilities().maxDomains()).isEqualTo(0xffff);
    }
  }

  private Iommu open() {
    return new ExampleProvider().open(new IommuContext(machine, EXAMPLE));
  }
}
