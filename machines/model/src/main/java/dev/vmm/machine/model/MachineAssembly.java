package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.ModelMachineBuilder.Kind;
import dev.vmm.machine.model.ModelMachineBuilder.OwnUnit;
import dev.vmm.machine.model.ModelMachineBuilder.Root;
import dev.vmm.machine.model.acpi.Firmware;
import dev.vmm.machine.model.amd.AmdViCapability;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.machine.model.amd.AmdViUnit;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.check.Violations;
import dev.vmm.machine.model.dma.Flights;
import dev.vmm.machine.model.dma.Messages;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.UnitSite;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.machine.model.pci.BusBuilder;
import dev.vmm.machine.model.pci.DeviceLogic;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import dev.vmm.machine.model.pci.ModelPci;
import dev.vmm.machine.model.pci.PciSite;
import dev.vmm.machine.model.pci.PciTopology;
import dev.vmm.machine.model.vtd.VtdConfig;
import dev.vmm.machine.model.vtd.VtdUnit;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Puts a machine together from what its builder collected: memory, units, PCI, firmware. */
final class MachineAssembly {
  /** Where the first VT-d unit's registers are. */
  static final long VTD_REGISTERS = 0xfed90000L;

  private static final long AMD_REGISTERS = 0xfed00000L;
  private static final long FIRST_AMD_REGISTERS = 0xfed80000L;
  private static final int AMD_UNIT_DEVICE = 1;

  private final ModelMachineBuilder plan;
  private final Injector injector = new Injector();
  private final Counters counters = new Counters();
  private final Violations violations = new Violations();
  private final InterruptLog interrupts = new InterruptLog();
  private final Flights flights = new Flights();
  private final List<OwnUnit> descriptions;
  private final AddressMap map;
  private final ModelMemory memory;

  MachineAssembly(ModelMachineBuilder plan) {
    this.plan = plan;
    List<AddressRange> firmware = new ArrayList<>();
    List<AddressRange> ram = withReserved(plan.ramRanges(), firmware);
    this.map = new AddressMap(ram, firmware, plan.free);
    this.descriptions = plan.ownUnits.isEmpty() ? defaultUnits(ram) : plan.ownUnits;
    this.memory =
        new ModelMemory(ram, map.free(), plan.visibility().orElseGet(this::whatUnitsSee), injector);
  }

  ModelMachine assemble() {
    List<RemappingUnit> units = new ArrayList<>();
    for (OwnUnit description : descriptions) {
      units.add(unit(description, units.size()));
    }
    ModelPci pci = pci(units);
    BridgeMap bridges = new BridgeMap(pci);
    List<ScopeRouter.Placed> placed = new ArrayList<>();
    for (int i = 0; i < units.size(); i++) {
      placed.add(new ScopeRouter.Placed(units.get(i), descriptions.get(i).scope()));
    }
    ModelMachine machine =
        new ModelMachine(
            plan.name,
            new ModelMachine.Parts(
                memory,
                memoryMap(),
                pci,
                units,
                injector,
                counters,
                violations,
                interrupts,
                plan.timer,
                flights,
                DefaultDevices.pluggable(plan)),
            new ScopeRouter(placed, bridges));
    Firmware.write(
        memory,
        map.tables(),
        new FirmwareTables(plan, map, descriptions, bridges, pci).all(),
        plan.tweaks);
    memory.flushCache(0, AddressMap.FREE_FROM);
    memory.flushCache(map.tables().start(), map.tables().lengthBytes());
    memory.drainWriteBuffer();
    machine.powerOn();
    return machine;
  }

  // Memory.

  /** Adds firmware memory where there is no RAM, and tells all of it. */
  private List<AddressRange> withReserved(List<AddressRange> ram, List<AddressRange> firmware) {
    List<AddressRange> all = new ArrayList<>(ram);
    for (ReservedMemory one : plan.reserved) {
      AddressRange range = one.range();
      boolean pages =
          ((range.start() | range.lengthBytes()) & (PhysicalMemory.PAGE_BYTES - 1)) == 0;
      if (one.backed() && !pages) {
        throw VmmException.invalid("reserved memory %s: expected whole pages", range);
      }
      if (all.stream().anyMatch(r -> r.contains(range))) {
        firmware.add(range);
      } else if (one.backed()) {
        if (all.stream().anyMatch(r -> r.overlaps(range))) {
          throw VmmException.invalid(
              "reserved memory %s: expected it inside or outside of the RAM %s", range, all);
        }
        all.add(range);
        firmware.add(range);
      }
    }
    all.sort(null);
    return all;
  }

  /** Returns what firmware says of the memory; where it lies, it does not say that it reserves. */
  private MemoryMap memoryMap() {
    List<AddressRange> reserved = new ArrayList<>(List.of(AddressMap.BIOS));
    for (ReservedMemory one : plan.reserved) {
      if (one.backed()) {
        reserved.add(one.range());
      }
    }
    List<AddressRange> taken = new ArrayList<>(reserved);
    taken.add(map.tables());
    List<MemoryMap.Entry> entries = new ArrayList<>();
    for (AddressRange range : AddressMap.without(map.ram(), taken)) {
      entries.add(new MemoryMap.Entry(range, MemoryMap.Type.RAM));
    }
    for (AddressRange range : AddressMap.without(reserved, List.of(map.tables()))) {
      entries.add(new MemoryMap.Entry(range, MemoryMap.Type.RESERVED));
    }
    entries.add(new MemoryMap.Entry(map.tables(), MemoryMap.Type.ACPI_DATA));
    return new MemoryMap(plan.name, entries);
  }

  private Visibility whatUnitsSee() {
    boolean snooped = true;
    boolean buffered = false;
    for (OwnUnit unit : descriptions) {
      VtdConfig vtd = unit.vtd();
      AmdViConfig amdVi = unit.amdVi();
      snooped &= (vtd == null || vtd.coherent()) && (amdVi == null || amdVi.coherent());
      buffered |= vtd != null && vtd.rwbf();
    }
    return new Visibility(snooped, buffered);
  }

  // Units.

  private List<OwnUnit> defaultUnits(List<AddressRange> ram) {
    List<OwnUnit> units = new ArrayList<>();
    if (plan.kind == Kind.NONE) {
      return units;
    }
    int addressBits = 64 - Long.numberOfLeadingZeros(ram.get(ram.size() - 1).last());
    for (UnitScope scope : DefaultDevices.scopes(plan.units, plan.segments)) {
      int index = units.size();
      if (plan.kind == Kind.INTEL) {
        VtdConfig config =
            plan.vtd
                .apply(VtdConfig.builder().haw(Math.max(46, addressBits)))
                .baseHpa(VTD_REGISTERS + index * VtdConfig.REGISTER_BYTES)
                .build();
        units.add(new OwnUnit(config, null, scope));
      } else {
        units.add(new OwnUnit(null, amdConfig(index, scope), scope));
      }
    }
    return units;
  }

  private AmdViConfig amdConfig(int index, UnitScope scope) {
    int function = scope.segment() == 0 ? index : 0;
    long registers =
        index == 0 ? FIRST_AMD_REGISTERS : AMD_REGISTERS + index * AmdViUnit.REGISTER_BYTES;
    return plan.amdVi
        .apply(AmdViConfig.builder())
        .registerBase(registers)
        .rid(new Rid(scope.segment(), 0, AMD_UNIT_DEVICE, function))
        .build();
  }

  private RemappingUnit unit(OwnUnit description, int index) {
    VtdConfig vtd = description.vtd();
    AmdViConfig amdVi = description.amdVi();
    if (vtd != null) {
      return new VtdUnit(site("vtd" + index), vtd);
    }
    return new AmdViUnit(site("amdvi" + index), java.util.Objects.requireNonNull(amdVi));
  }

  private UnitSite site(String name) {
    return new UnitSite(name, memory, violations, counters, injector, interrupts, flights);
  }

  // PCI.

  private ModelPci pci(List<RemappingUnit> units) {
    PciTopology topology = PciTopology.in(new PciSite(counters, injector, map.windows()));
    for (int segment = 0; segment < plan.segments; segment++) {
      topology.segment(segment, 0, 255, map.ecam(segment));
      for (Root root : roots(segment)) {
        int number = segment;
        topology.root(
            root.bus(),
            bus -> {
              root.content().accept(bus);
              addUnitFunctions(bus, number, root.bus(), units);
            });
      }
    }
    return topology.build();
  }

  private List<Root> roots(int segment) {
    List<Root> own = plan.roots.get(segment);
    if (own != null) {
      return own;
    }
    Consumer<BusBuilder> content =
        plan.defaultDevices
            ? bus -> DefaultDevices.fill(bus, segment, plan)
            : bus -> bus.add(0, FunctionSpec.hostBridge());
    return List.of(new Root(0, content));
  }

  /** Has an AMD unit's interrupts go out by the MSI of its function. */
  private record UnitFunction(AmdViUnit unit, Messages messages) implements DeviceLogic {
    @Override
    public void attach(ModelFunction function) {
      unit.onInterrupt(() -> function.interrupt(0, messages));
    }
  }

  /** An AMD unit is a PCI function, too. */
  private void addUnitFunctions(
      BusBuilder bus, int segment, int number, List<RemappingUnit> units) {
    for (RemappingUnit unit : units) {
      if (!(unit instanceof AmdViUnit amdVi)) {
        continue;
      }
      Rid rid = amdVi.config().rid();
      if (rid.segment() == segment && rid.bus() == number) {
        AmdViCapability capability = amdVi.capability();
        byte[] body = new byte[AmdViCapability.LENGTH_BYTES - 2];
        for (int i = 0; i < body.length; i++) {
          body[i] = (byte) capability.read(2 + i, 1);
        }
        bus.add(
            rid.device(),
            rid.function(),
            FunctionSpec.of(0x1022, 0x1419, 0x080600)
                .capability(AmdViCapability.ID, body)
                .msi(1, true, false)
                .device(() -> new UnitFunction(amdVi, interrupts)));
      }
    }
  }
}
