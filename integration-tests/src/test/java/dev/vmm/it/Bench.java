package dev.vmm.it;

import dev.vmm.core.OwnedFault;
import dev.vmm.core.VirtualMachine;
import dev.vmm.core.Vmm;
import dev.vmm.iommu.Access;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.machine.DmaEngine;
import dev.vmm.machine.DmaEngineProvider;
import dev.vmm.machine.DmaEngines;
import dev.vmm.machine.HostBus;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;

/** A platform on a machine, with the devices that the tests drive. */
final class Bench implements AutoCloseable {
  /** Above all guest RAM of these tests. */
  static final long GUEST_BAR = 0xe000_0000L;

  static final int COMMAND = 0x04;
  static final int MEMORY_AND_BUS_MASTER = 0x6;

  final Machine machine;
  final Vmm vmm;
  final PptDriver ppt;
  final Rid edu;

  Bench(Machine machine) {
    this(machine, Tunables.defaults());
  }

  Bench(Machine machine, Tunables tunables) {
    this.machine = machine;
    vmm = Vmm.open(machine, tunables);
    ppt = PptDriver.open(vmm);
    edu = function(machine, 0x1234, 0x11e8).rid();
  }

  static PciFunction function(Machine machine, int vendor, int device) {
    return machine.pci().functions().stream()
        .filter(f -> f.vendorId() == vendor && f.deviceId() == device)
        .findFirst()
        .orElseThrow();
  }

  /** Reads the units back through the back end's inspector. */
  static UnitReport unit(Machine machine) {
    List<UnitReport> units =
        ServiceLoader.load(IommuProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .map(IommuProvider::inspector)
            .flatMap(Optional::stream)
            .flatMap(inspector -> inspector.inspect(machine).stream())
            .toList();
    if (units.size() != 1) {
      throw new AssertionError("expected one unit, found " + units);
    }
    return units.get(0);
  }

  UnitReport unit() {
    return unit(machine);
  }

  Optional<DeviceEntryReport> entry(Rid rid) {
    return unit().devices().stream().filter(entry -> entry.rid().equals(rid)).findFirst();
  }

  int command(Rid rid) {
    return machine.pci().config(rid).read16(COMMAND);
  }

  /** A VM with two segments whose gpas are not their hpas. */
  VirtualMachine guest(String name) {
    VirtualMachine vm = vmm.createVm(name);
    vm.addMemory(0, 0x40_0000, Access.READ_WRITE);
    vm.addMemory(0x1000_0000, 0x10_0000, Access.READ_WRITE);
    return vm;
  }

  /** The edu device's engine as a guest that owns it drives it. */
  DmaEngine guestEngine(VirtualMachine vm) {
    return guestEngine(vm, edu, GUEST_BAR);
  }

  /**
   * The engine of an edu device as a guest that owns it drives it, its registers at {@code gpa}.
   */
  DmaEngine guestEngine(VirtualMachine vm, Rid rid, long gpa) {
    PptDevice device = ppt.device(rid).orElseThrow();
    DmaEngineProvider driver = DmaEngines.find(device.function()).orElseThrow();
    Bar bar =
        device.bars().stream()
            .filter(b -> b.index() == driver.registerBar())
            .findFirst()
            .orElseThrow();
    device.mapMmio(gpa, bar.lengthBytes(), bar.base());
    return driver.open(vm.bus(), gpa);
  }

  /**
   * The edu device's engine as the host drives it, whatever the domain; the command register is the
   * caller's affair.
   */
  DmaEngine hostEngine() {
    PciFunction function = machine.pci().function(edu).orElseThrow();
    DmaEngineProvider driver = DmaEngines.find(function).orElseThrow();
    long bar = machine.pci().config(edu).read32(0x10 + 4 * driver.registerBar()) & 0xffff_fff0L;
    return driver.open(new HostBus(machine), bar);
  }

  List<OwnedFault> faults() {
    return vmm.iommu().drainFaults();
  }

  static byte[] pattern(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  @Override
  public void close() {
    try {
      ppt.close();
    } finally {
      vmm.close();
    }
  }
}
