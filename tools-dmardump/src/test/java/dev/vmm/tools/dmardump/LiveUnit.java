package dev.vmm.tools.dmardump;

import dev.vmm.iommu.Access;
import dev.vmm.iommu.Domain;
import dev.vmm.iommu.DomainSpec;
import dev.vmm.iommu.Iommu;
import dev.vmm.iommu.inspect.DeviceEntryReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.spi.IommuContext;
import dev.vmm.iommu.spi.IommuProvider;
import dev.vmm.iommu.spi.ProbeResult;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.tunable.Tunables;
import java.util.ArrayList;
import java.util.List;

/**
 * The embedded machine with its unit at work: every function in the host domain, an edu alone in
 * the domain of a virtual machine. Both come from the class path, as when the tool runs.
 */
final class LiveUnit implements AutoCloseable {
  static final Rid EDU = Rid.parse("00:02.0");

  final Machine machine;
  final Iommu iommu;
  final Domain host;
  final Domain vm;

  /** Four pages of the virtual machine, 2 MiB aligned so that a test can write the address. */
  final long memory;

  LiveUnit(String name) {
    machine = Machines.open(name);
    List<IommuProvider> providers = new ArrayList<>();
    BackEnds.forEach(
        each -> {
          if (each.probe(machine) instanceof ProbeResult.Present) {
            providers.add(each);
          }
        });
    IommuProvider provider = providers.get(0);
    iommu = provider.open(new IommuContext(machine, Tunables.defaults()));
    host = iommu.createDomain(new DomainSpec("host", 1L << 38));
    vm = iommu.createDomain(new DomainSpec("vm", 1L << 38));
    machine
        .memory()
        .ram()
        .forEach(ram -> host.map(ram.start(), ram.start(), ram.lengthBytes(), Access.READ_WRITE));
    memory = machine.memory().allocate(0x10000, 0x200000);
    vm.map(0x10000, memory, 0x3000, Access.READ_WRITE);
    vm.map(0x40000, memory + 0x8000, 0x1000, Access.READ);
    List<Rid> others = new ArrayList<>();
    for (PciFunction function : machine.pci().functions()) {
      if (!function.rid().equals(EDU) && !function.isIommu()) {
        others.add(function.rid());
      }
    }
    iommu.move(others, host);
    iommu.move(List.of(EDU), vm);
    iommu.enable();
  }

  List<UnitReport> units() {
    return Inspectors.load().inspect(machine);
  }

  /** Returns what the units were told of a requester id. */
  DeviceEntryReport entry(Rid rid) {
    return units().stream()
        .flatMap(unit -> unit.devices().stream())
        .filter(device -> device.rid().equals(rid))
        .findFirst()
        .orElseThrow();
  }

  /** Returns the root of the edu's tables. */
  long walkRoot() {
    return entry(EDU).tableRoot();
  }

  /** Returns a function that is in the host's domain. */
  Rid neighbour() {
    return machine.pci().functions().stream()
        .filter(function -> !function.isIommu())
        .map(PciFunction::rid)
        .filter(rid -> !rid.equals(EDU))
        .reduce((first, second) -> second)
        .orElseThrow();
  }

  @Override
  public void close() {
    iommu.close();
    machine.close();
  }
}
