package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.model.acpi.AcpiTweaks;
import dev.vmm.machine.model.acpi.DmarBuilder;
import dev.vmm.machine.model.acpi.IvhdBuilder;
import dev.vmm.machine.model.acpi.IvrsBuilder;
import dev.vmm.machine.model.amd.AmdViConfig;
import dev.vmm.machine.model.device.DeviceTimer;
import dev.vmm.machine.model.device.EduDevice;
import dev.vmm.machine.model.memory.Visibility;
import dev.vmm.machine.model.pci.BusBuilder;
import dev.vmm.machine.model.vtd.VtdConfig;
import dev.vmm.machine.model.vtd.VtdConfigBuilder;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Builds a PC in this process, with one I/O MMU or several, or none: for tests that want a machine
 * which no shop sells, hardware that breaks at the very step in question, and a witness of every
 * mistake.
 *
 * <pre>{@code
 * try (ModelMachine machine =
 *     ModelMachineBuilder.intel()
 *         .ram(1L << 40)                                          // costs what is used of it
 *         .vtd(unit -> unit.cm(true).coherent(false))             // any unit that the book allows
 *         .units(2)                                               // the second one takes the rest
 *         .reserved(new AddressRange(0x7b00_0000L, 0x10_0000), Rid.parse("00:02.0"))  // an RMRR
 *         .build()) {
 *   machine.injector().nth(Operation.COMPLETION, Effect.LOSE, 3); // the third wait never ends
 *   ...                                                           // drive it as any machine
 *   assertThat(machine.violations().all()).isEmpty();             // and it was driven by the book
 * }
 * }</pre>
 *
 * <p>Whatever is not said is as on the QEMU machines: 512 MiB of RAM, one unit for everything, the
 * same devices under the same requester ids. Each method returns this builder; a builder builds one
 * machine. Not thread-safe.
 */
public final class ModelMachineBuilder {
  /** Which I/O MMU the machine has. */
  enum Kind {
    INTEL,
    AMD,
    NONE
  }

  /** A unit that the caller described. */
  record OwnUnit(@Nullable VtdConfig vtd, @Nullable AmdViConfig amdVi, UnitScope scope) {}

  /** What is on a root bus. */
  record Root(int bus, Consumer<BusBuilder> content) {}

  /** The most segments that a machine can have. */
  static final int MAX_SEGMENTS = 16;

  private static final long DEFAULT_RAM = 512L << 20;
  private static final int FIRST_STRUCTURE_LENGTH = 48 + 2;

  final Kind kind;
  final DeviceTimer timer = new DeviceTimer("model machine's devices");
  final List<OwnUnit> ownUnits = new ArrayList<>();
  final Map<Integer, List<Root>> roots = new TreeMap<>();
  final List<ReservedMemory> reserved = new ArrayList<>();
  final AcpiTweaks tweaks = new AcpiTweaks();
  final List<Consumer<DmarBuilder>> dmar = new ArrayList<>();
  final List<Consumer<IvrsBuilder>> ivrs = new ArrayList<>();
  String name;
  List<AddressRange> free = List.of();
  int units = 1;
  int segments = 1;
  boolean defaultDevices = true;
  boolean rogue;
  long eduDelayNanos = EduDevice.DEFAULT_DELAY_NANOS;
  int ivhdType = IvhdBuilder.TYPE_11H;
  boolean aliases;
  boolean interruptRemapping = true;
  IommuTables iommuTables = IommuTables.OWN;
  UnaryOperator<VtdConfigBuilder> vtd = UnaryOperator.identity();
  UnaryOperator<AmdViConfig.Builder> amdVi = UnaryOperator.identity();
  private long ramBytes = DEFAULT_RAM;
  private long lowRamBytes = AddressMap.DEFAULT_LOW_RAM;
  private List<AddressRange> ram = List.of();
  private @Nullable Visibility visibility;
  private boolean built;

  private ModelMachineBuilder(Kind kind, String name) {
    this.kind = kind;
    this.name = name;
  }

  /** Begins a machine with VT-d: a DMAR table, registers at 0xfed90000. */
  public static ModelMachineBuilder intel() {
    return new ModelMachineBuilder(Kind.INTEL, "model:intel");
  }

  /** Begins a machine with AMD-Vi: an IVRS table, function 00:01.0, registers at 0xfed80000. */
  public static ModelMachineBuilder amd() {
    return new ModelMachineBuilder(Kind.AMD, "model:amd");
  }

  /** Begins a machine without I/O MMU: DMA goes where it likes. */
  public static ModelMachineBuilder none() {
    return new ModelMachineBuilder(Kind.NONE, "model:none");
  }

  /** Sets the name that the machine answers with. */
  public ModelMachineBuilder name(String value) {
    name = value;
    return this;
  }

  // Memory.

  /** Sets how much RAM there is, in bytes: 2 GiB of it at 0, the rest from 4 GiB on. */
  public ModelMachineBuilder ram(long bytes) {
    ramBytes = bytes;
    ram = List.of();
    return this;
  }

  /** Sets how much of the RAM may lie below 4 GiB: up to 3 GiB. */
  public ModelMachineBuilder lowRam(long bytes) {
    lowRamBytes = bytes;
    return this;
  }

  /**
   * Sets where RAM lies, with whatever holes: ranges in ascending order, up to 52 bits of address,
   * the first at 0 with 32 MiB or more, none from 0xe0000000 to 4 GiB.
   */
  public ModelMachineBuilder ram(AddressRange... ranges) {
    ram = List.of(ranges);
    return this;
  }

  /**
   * Sets what {@code allocate} hands out, in place of all RAM from 16 MiB on that the firmware does
   * not need: to have tables at high addresses, or to run out of memory soon.
   */
  public ModelMachineBuilder freeMemory(AddressRange... ranges) {
    free = List.of(ranges);
    return this;
  }

  /**
   * Sets when units see what the processor stores. If it is not set, what the units say of
   * themselves decides: one that does not snoop, or needs its write buffer flushed, sees late.
   */
  public ModelMachineBuilder visibility(Visibility value) {
    visibility = value;
    return this;
  }

  /**
   * Adds memory that these functions go on using for the firmware: an RMRR, an IVMD each. It is RAM
   * that nobody can allocate; where there is none at that address, it is added.
   *
   * @param range whole pages
   * @param functions of one segment; none of them for an IVMD that names every function
   */
  public ModelMachineBuilder reserved(AddressRange range, Rid... functions) {
    reserved.add(new ReservedMemory(range, List.of(functions), true));
    return this;
  }

  /**
   * As {@link #reserved}, but the firmware lies: nothing makes sure that memory is there, and its
   * memory map does not reserve it.
   */
  public ModelMachineBuilder reservedNowhere(AddressRange range, Rid... functions) {
    reserved.add(new ReservedMemory(range, List.of(functions), false));
    return this;
  }

  // Units.

  /**
   * Sets how many units segment 0 has, 1 to 4: the last one serves all that the others do not,
   * those one of the default devices each: 00:02.0, what is behind 00:03.0, what is behind 00:04.0.
   */
  public ModelMachineBuilder units(int count) {
    units = count;
    return this;
  }

  /** Changes the VT-d units, in place of {@link VtdConfig#standard}; their places stay. */
  public ModelMachineBuilder vtd(UnaryOperator<VtdConfigBuilder> change) {
    UnaryOperator<VtdConfigBuilder> before = vtd;
    vtd = config -> change.apply(before.apply(config));
    return this;
  }

  /** Changes the AMD units; their places stay. */
  public ModelMachineBuilder amdVi(UnaryOperator<AmdViConfig.Builder> change) {
    UnaryOperator<AmdViConfig.Builder> before = amdVi;
    amdVi = config -> change.apply(before.apply(config));
    return this;
  }

  /** Adds a VT-d unit of your own; with the first, the machine has only such. */
  public ModelMachineBuilder unit(VtdConfig config, UnitScope scope) {
    require(kind == Kind.INTEL, "a VT-d unit is for a machine of kind intel");
    ownUnits.add(new OwnUnit(config, null, scope));
    return this;
  }

  /** Adds an AMD unit of your own; with the first, the machine has only such. */
  public ModelMachineBuilder unit(AmdViConfig config, UnitScope scope) {
    require(kind == Kind.AMD, "an AMD unit is for a machine of kind amd");
    ownUnits.add(new OwnUnit(null, config, scope));
    return this;
  }

  // PCI.

  /**
   * Sets how many segments there are, 1 to 16; those after the first have a host bridge and an edu.
   */
  public ModelMachineBuilder segments(int count) {
    segments = count;
    return this;
  }

  /** Leaves the default devices out: only a host bridge is left in each segment. */
  public ModelMachineBuilder withoutDevices() {
    defaultDevices = false;
    return this;
  }

  /**
   * Says what is on a root bus. A segment of which any root bus is given has no default devices;
   * the functions of AMD units are added by themselves.
   *
   * @param segment 0 to 15; those below it exist too
   * @param bus the root bus's number
   */
  public ModelMachineBuilder root(int segment, int bus, Consumer<BusBuilder> content) {
    roots.computeIfAbsent(segment, s -> new ArrayList<>()).add(new Root(bus, content));
    segments = Math.max(segments, segment + 1);
    return this;
  }

  /** Returns the clock for devices that you make yourself; the machine's {@code close} ends it. */
  public DeviceTimer timer() {
    return timer;
  }

  /** Sets how long a copy of a default edu device takes. */
  public ModelMachineBuilder eduDelayNanos(long nanos) {
    eduDelayNanos = nanos;
    return this;
  }

  /** Adds a device at 00:05.0 that goes on writing to memory after it was told to stop. */
  public ModelMachineBuilder rogue(boolean value) {
    rogue = value;
    return this;
  }

  // Firmware.

  /** Spoils the firmware's tables. */
  public ModelMachineBuilder acpi(Consumer<AcpiTweaks> change) {
    change.accept(tweaks);
    return this;
  }

  /** Sets what the tables say of I/O MMUs; {@link IommuTables#OWN} at first. */
  public ModelMachineBuilder iommuTables(IommuTables value) {
    iommuTables = value;
    return this;
  }

  /**
   * Has IVRS say whose DMA carries another's id, after the entries that name them: an alias range
   * for what is behind a PCI Express to PCI bridge, an alias for each function that {@linkplain
   * dev.vmm.machine.model.pci.FunctionSpec#carries carries} another's number. The default devices
   * have one such then: an edu at 00:06.0, which carries 00:06.1.
   */
  public ModelMachineBuilder aliases(boolean value) {
    aliases = value;
    return this;
  }

  /**
   * Says whether the firmware tells what remapping the interrupts of an AMD unit takes: the I/O
   * APIC's requester id. The unit remaps them all the same.
   */
  public ModelMachineBuilder interruptRemapping(boolean value) {
    interruptRemapping = value;
    return this;
  }

  /** Appends structures to DMAR, after those of the units and of reserved memory. */
  public ModelMachineBuilder dmar(Consumer<DmarBuilder> more) {
    dmar.add(more);
    return this;
  }

  /** Appends blocks to IVRS, after those of the units and of reserved memory. */
  public ModelMachineBuilder ivrs(Consumer<IvrsBuilder> more) {
    ivrs.add(more);
    return this;
  }

  /**
   * Sets which IVHD describes a unit: 10h, 11h, or 40h. Firmware gives the older ones as well, for
   * older drivers.
   */
  public ModelMachineBuilder ivhd(int type) {
    require(
        type == IvhdBuilder.TYPE_10H
            || type == IvhdBuilder.TYPE_11H
            || type == IvhdBuilder.TYPE_40H,
        "there is no IVHD of this type: expected 0x10, 0x11 or 0x40");
    ivhdType = type;
    return this;
  }

  /**
   * Builds the machine and runs its firmware.
   *
   * @throws VmmException EINVAL if there can be no such machine
   */
  public ModelMachine build() {
    require(!built, "this builder has built its machine already");
    require(segments >= 1 && segments <= MAX_SEGMENTS, "a machine has 1 to 16 segments");
    require(units >= 1 && units <= DefaultDevices.MAX_UNITS, "segment 0 has 1 to 4 default units");
    require(
        units == 1 || (defaultDevices && !roots.containsKey(0)) || !ownUnits.isEmpty(),
        "several default units share the default devices: describe your own with unit()");
    require(
        lowRamBytes >= AddressMap.MIN_RAM && lowRamBytes <= 3L << 30,
        "64 MiB to 3 GiB of the RAM lie below 4 GiB");
    require(ramBytes >= AddressMap.MIN_RAM, "a machine has 64 MiB of RAM or more");
    built = true;
    if (iommuTables == IommuTables.BROKEN) {
      // The length of the first structure: both tables have it there.
      tweaks.patch(kind == Kind.AMD ? "IVRS" : "DMAR", FIRST_STRUCTURE_LENGTH, 0, 0);
    }
    try {
      return new MachineAssembly(this).assemble();
    } catch (RuntimeException e) {
      timer.close();
      throw e;
    }
  }

  /** Returns where RAM lies, without the reserved memory that is added to it. */
  List<AddressRange> ramRanges() {
    return ram.isEmpty() ? AddressMap.layOut(ramBytes, lowRamBytes, kind == Kind.AMD) : ram;
  }

  Optional<Visibility> visibility() {
    return Optional.ofNullable(visibility);
  }

  private void require(boolean holds, String what) {
    if (!holds) {
      throw VmmException.invalid("cannot build machine \"%s\": %s", name, what);
    }
  }
}
