package dev.vmm.tck;

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
import dev.vmm.machine.Machine;
import dev.vmm.machine.model.ModelMachine;
import dev.vmm.pci.Bar;
import dev.vmm.pci.PciFunction;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDevice;
import dev.vmm.ppt.PptDriver;
import dev.vmm.ppt.Waiter;
import dev.vmm.tunable.Tunables;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;

/**
 * A platform on the machine under test, with what the tests do again and again. Closing it takes
 * the platform down.
 */
public final class Bench implements AutoCloseable {
  /** Above all guest RAM of these tests. */
  public static final long GUEST_BAR = 0xe000_0000L;

  /** The command register's offset. */
  public static final int COMMAND = 0x04;

  /** What a device needs there that makes DMA. */
  public static final int MEMORY_AND_BUS_MASTER = 0x6;

  private final Machine machine;
  private final Supplier<List<UnitReport>> units;
  private final Vmm vmm;
  private final PptDriver ppt;
  private final Rid rid;
  private final TckDevice bare;

  /** A VM that nobody knows any more is closed: those that a test forgets are to live on. */
  private final List<VirtualMachine> guests = new CopyOnWriteArrayList<>();

  private Bench(Machine machine, Supplier<List<UnitReport>> units, Rid rid, Tunables tunables) {
    this.machine = machine;
    this.units = units;
    this.rid = rid;
    vmm = Vmm.open(machine, tunables);
    ppt = PptDriver.open(vmm, waiterOf(machine));
    bare = new TckDevice(rid, vmm.iommu());
  }

  static Bench on(Stage stage, Tunables tunables) {
    return new Bench(stage.machine(), stage::units, stage.engineRid(), tunables);
  }

  /** Opens a platform on a machine with a DMA engine, whichever back end is chosen there. */
  public static Bench open(Machine machine) {
    return open(machine, Tunables.defaults());
  }

  /** Opens a platform with tunables on a machine with a DMA engine. */
  public static Bench open(Machine machine, Tunables tunables) {
    Rid engine = Stage.engineRid(machine, machine.pci().functions());
    return new Bench(machine, () -> unitsOf(machine), engine, tunables);
  }

  private static List<UnitReport> unitsOf(Machine machine) {
    return ServiceLoader.load(IommuProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .map(IommuProvider::inspector)
        .flatMap(Optional::stream)
        .flatMap(inspector -> inspector.inspect(machine).stream())
        .toList();
  }

  /** Returns how to wait for devices: the embedded machine's need no time. */
  private static Waiter waiterOf(Machine machine) {
    Machine inner = machine;
    while (inner instanceof MachineDecorator decorator) {
      inner = decorator.machine();
    }
    return inner instanceof ModelMachine ? new QuickTime() : Waiter.REAL;
  }

  /** Returns the machine's first function with these ids. */
  public static PciFunction function(Machine machine, int vendor, int device) {
    return machine.pci().functions().stream()
        .filter(f -> f.vendorId() == vendor && f.deviceId() == device)
        .findFirst()
        .orElseThrow();
  }

  /** Reads the machine's only unit back. */
  public static UnitReport unit(Machine machine) {
    return only(unitsOf(machine));
  }

  /** Reads the machine's only unit back. */
  public UnitReport unit() {
    return only(units.get());
  }

  private static UnitReport only(List<UnitReport> units) {
    if (units.size() != 1) {
      throw new AssertionError("expected one unit, found " + units);
    }
    return units.get(0);
  }

  /** Returns the machine, as the platform sees it. */
  public Machine machine() {
    return machine;
  }

  /** Returns the platform. */
  public Vmm vmm() {
    return vmm;
  }

  /** Returns the driver for pass-through. */
  public PptDriver ppt() {
    return ppt;
  }

  /** Returns the function with the DMA engine. */
  public Rid rid() {
    return rid;
  }

  /** Returns a function's entries in all units, as the inspector shows them. */
  public List<DeviceEntryReport> entries(Rid of) {
    return units.get().stream()
        .map(UnitReport::devices)
        .flatMap(List::stream)
        .filter(entry -> entry.rid().equals(of))
        .toList();
  }

  /** Returns a function's only entry, if a unit has one for it. */
  public Optional<DeviceEntryReport> entry(Rid of) {
    return entries(of).stream().findFirst();
  }

  /** Returns a function's command register. */
  public int command(Rid of) {
    return machine.pci().config(of).read16(COMMAND);
  }

  /** Creates a VM with two segments whose gpas are not their hpas. */
  public VirtualMachine guest(String name) {
    VirtualMachine vm = vmm.createVm(name);
    guests.add(vm);
    vm.addMemory(0, 0x40_0000, Access.READ_WRITE);
    vm.addMemory(0x1000_0000, 0x10_0000, Access.READ_WRITE);
    return vm;
  }

  /** Creates such a VM and gives it the function with the DMA engine. */
  public VirtualMachine guestWithDevice(String name) {
    VirtualMachine vm = guest(name);
    if (ppt.device(rid).isEmpty()) {
      ppt.attach(rid);
    }
    ppt.assign(rid, vm);
    return vm;
  }

  /**
   * Creates such a VM and gives it the function as it is, without the driver, which would reset it
   * or wait for it to fall silent. {@link #asHost} drives its engine.
   */
  public VirtualMachine guestWithBareDevice(String name) {
    VirtualMachine vm = guest(name);
    bare.assign(vm);
    return vm;
  }

  /** Returns the function with the DMA engine as something to give to a VM as it is. */
  TckDevice bareDevice() {
    return bare;
  }

  /** Opens the engine as the guest that owns it drives it. */
  public DmaEngine guestEngine(VirtualMachine vm) {
    return guestEngine(vm, rid, GUEST_BAR);
  }

  /** Opens a function's engine as the guest that owns it drives it, its registers at a gpa. */
  public DmaEngine guestEngine(VirtualMachine vm, Rid of, long gpa) {
    PptDevice device = ppt.device(of).orElseThrow();
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
   * Has the host turn the device's bus mastering on, whoever owns it, run its engine, and put the
   * command register back.
   */
  public void asHost(java.util.function.Consumer<DmaEngine> use) {
    PciFunction function = machine.pci().function(rid).orElseThrow();
    int found = command(rid);
    function.config().write16(COMMAND, MEMORY_AND_BUS_MASTER);
    try {
      use.accept(
          EngineDmaPort.hostEngine(machine, function, DmaEngines.find(function).orElseThrow()));
    } finally {
      function.config().write16(COMMAND, found);
    }
  }

  /** Returns the name of the domain that a function is in. */
  public Optional<String> domainOf(Rid of) {
    return vmm.iommu().domainNameOf(of);
  }

  /** Takes the faults that units recorded. */
  public List<OwnedFault> faults() {
    return vmm.iommu().drainFaults();
  }

  /** Returns bytes that differ for each seed. */
  public static byte[] pattern(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  /** Reads memory by hpa. */
  public byte[] hostBytes(long hpa, int length) {
    byte[] bytes = new byte[length];
    machine.memory().readBytes(hpa, bytes, 0, length);
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
