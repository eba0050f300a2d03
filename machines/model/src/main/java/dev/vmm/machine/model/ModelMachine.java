package dev.vmm.machine.model;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.acpi.AcpiRoot;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.machine.HotPlug;
import dev.vmm.machine.Machine;
import dev.vmm.machine.MemoryMap;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.machine.SelfChecking;
import dev.vmm.machine.model.check.Counters;
import dev.vmm.machine.model.check.Violation;
import dev.vmm.machine.model.check.Violations;
import dev.vmm.machine.model.device.DeviceTimer;
import dev.vmm.machine.model.dma.DmaListener;
import dev.vmm.machine.model.dma.Flights;
import dev.vmm.machine.model.dma.RemappingUnit;
import dev.vmm.machine.model.dma.RootComplex;
import dev.vmm.machine.model.inject.Injector;
import dev.vmm.machine.model.memory.ModelMemory;
import dev.vmm.machine.model.pci.BarHit;
import dev.vmm.machine.model.pci.DeviceLogic;
import dev.vmm.machine.model.pci.FunctionSpec;
import dev.vmm.machine.model.pci.ModelFunction;
import dev.vmm.machine.model.pci.ModelPci;
import dev.vmm.pci.Rid;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A PC in this process. Built by {@link ModelMachineBuilder}, or opened by name: {@code
 * model:intel}.
 *
 * <p>As a {@link Machine} it is like any other, but harder to please than most: see
 * docs/machines.md. The rest is for whoever tests a driver: what the hardware noticed, what it
 * counted, what it shall do wrong, and DMA at will. Thread-safe.
 */
public final class ModelMachine implements Machine, SelfChecking {
  private static final Logger LOG = LoggerFactory.getLogger(ModelMachine.class);

  /** What a machine is put together from. */
  record Parts(
      ModelMemory memory,
      MemoryMap memoryMap,
      ModelPci pci,
      List<RemappingUnit> units,
      Injector injector,
      Counters counters,
      Violations violations,
      InterruptLog interrupts,
      DeviceTimer timer,
      Flights flights,
      Map<String, Supplier<FunctionSpec>> pluggable) {}

  private final String name;
  private final Parts parts;
  private final RootComplex rootComplex;
  private final ModelHotPlug hotPlug;
  private AcpiTables acpi = AcpiTables.of(List.of());
  private volatile boolean closed;

  ModelMachine(String name, Parts parts, ScopeRouter router) {
    this.name = name;
    this.parts = parts;
    this.hotPlug = new ModelHotPlug(parts.pci(), parts.pluggable(), () -> closed);
    this.rootComplex =
        new RootComplex(
            parts.pci(),
            parts.memory(),
            rid -> router.unit(rid, physicalFunction(rid)),
            parts.interrupts(),
            parts.counters(),
            parts.flights());
  }

  /** The firmware has run: what it did is no driver's doing. */
  void powerOn() {
    acpi = AcpiRoot.find(parts.memory()).map(AcpiRoot::tables).orElse(acpi);
    parts.counters().reset();
    parts.injector().clear();
    LOG.debug(
        "machine {}: RAM {}, units {}, tables {}",
        name,
        parts.memory().ram(),
        parts.units().stream().map(RemappingUnit::name).toList(),
        acpi.tables());
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public ModelMemory memory() {
    return parts.memory();
  }

  @Override
  public Optional<MemoryMap> memoryMap() {
    return Optional.of(parts.memoryMap());
  }

  @Override
  public ModelPci pci() {
    return parts.pci();
  }

  @Override
  public AcpiTables acpi() {
    return acpi;
  }

  @Override
  public RegisterBlock registers(long hpa, long lengthBytes) {
    AddressRange range = new AddressRange(hpa, lengthBytes);
    List<AddressRange> ram = parts.memory().ram();
    if (!AddressMap.ADDRESS_SPACE.contains(range) || ram.stream().anyMatch(range::overlaps)) {
      throw VmmException.invalid(
          "no registers at %s: expected a range below 0x%x that is not RAM (%s)",
          range, AddressMap.ADDRESS_SPACE.end(), ram);
    }
    return new ModelRegisters(
        range, this::decode, parts.injector(), parts.counters(), () -> closed);
  }

  /**
   * Returns the slots: any free place of a bus is one. What {@link #hotAdd} and {@link #hotRemove}
   * do nobody is told, as on a machine whose hot-plug interrupts get lost.
   */
  @Override
  public Optional<HotPlug> hotPlug() {
    return Optional.of(hotPlug);
  }

  // What a test asks.

  /** Returns the misuses of the hardware so far. */
  public Violations violations() {
    return parts.violations();
  }

  @Override
  public List<String> complaints() {
    return violations().all().stream().map(Violation::toString).toList();
  }

  /** Returns how often the hardware did what, the firmware's own doings left out. */
  public Counters counters() {
    return parts.counters();
  }

  /** Returns who decides which operations fail. */
  public Injector injector() {
    return parts.injector();
  }

  /** Returns the interrupts that devices and units sent. */
  public InterruptLog interrupts() {
    return parts.interrupts();
  }

  /** Returns the units, in the firmware's order. */
  public List<RemappingUnit> units() {
    return parts.units();
  }

  /** Returns the units of a type, in the firmware's order. */
  public <T extends RemappingUnit> List<T> units(Class<T> type) {
    return parts.units().stream().filter(type::isInstance).map(type::cast).toList();
  }

  /**
   * Returns the device behind a function, such as a {@code RogueDevice}.
   *
   * @throws VmmException ENOENT if there is no such device
   */
  public <T extends DeviceLogic> T device(Rid rid, Class<T> type) {
    return pci()
        .at(rid)
        .map(ModelFunction::device)
        .filter(type::isInstance)
        .map(type::cast)
        .orElseThrow(
            () ->
                new VmmException(
                    Errno.ENOENT, "there is no " + type.getSimpleName() + " behind " + rid));
  }

  // What a test does.

  /**
   * Has a function read memory now, in this thread, whatever its command register says.
   *
   * @param target takes what was read; all ones where nothing answered
   * @return false if any of it was blocked
   */
  public boolean dmaRead(Rid rid, long iova, byte[] target) {
    checkOpen();
    return rootComplex.dma(rid, iova, target, 0, target.length, false);
  }

  /**
   * Has a function write memory now, in this thread, whatever its command register says.
   *
   * @return false if any of it was blocked; the rest was written
   */
  public boolean dmaWrite(Rid rid, long iova, byte[] source) {
    checkOpen();
    return rootComplex.dma(rid, iova, source, 0, source.length, true);
  }

  /** Has a listener told of each DMA that reaches memory or a BAR, from now on. */
  public void listen(DmaListener listener) {
    rootComplex.listen(listener);
  }

  /** Has a listener told no more. */
  public void unlisten(DmaListener listener) {
    rootComplex.unlisten(listener);
  }

  /** Plugs a function in and tells nobody; see {@link ModelPci#hotAdd}. */
  public ModelFunction hotAdd(Rid rid, FunctionSpec spec) {
    return pci().hotAdd(rid, spec);
  }

  /** Pulls a function out and tells nobody; see {@link ModelPci#hotRemove}. */
  public void hotRemove(Rid rid) {
    pci().hotRemove(rid);
  }

  /**
   * Takes power from a unit, or gives it back. Without power its registers read all ones, and no
   * DMA gets past it; when it comes back, the unit is as after power-on.
   *
   * @throws VmmException ENOENT if it is not one of {@link #units()}
   */
  public void power(RemappingUnit unit, boolean on) {
    if (!parts.units().contains(unit)) {
      throw new VmmException(Errno.ENOENT, "no unit of this machine is " + unit.name());
    }
    if (on) {
      unit.reset();
    } else {
      unit.losePower();
    }
  }

  /**
   * Ends the devices' clock. Later accesses to registers and memory fail with EIO; what the
   * hardware noticed and counted can still be asked.
   */
  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    parts.timer().close();
    parts.pci().retire();
    parts.memory().retire();
    if (LOG.isDebugEnabled()) {
      LOG.debug("machine {} is closed; it counted {}", name, counters().snapshot());
    }
  }

  @Override
  public String toString() {
    return "machine " + name;
  }

  private void checkOpen() {
    if (closed) {
      throw new VmmException(Errno.EIO, "no DMA on " + name + ": the machine was closed");
    }
  }

  private AddressDecoder.@Nullable Target decode(long hpa, int widthBytes) {
    for (RemappingUnit unit : parts.units()) {
      if (unit.registers().contains(hpa)) {
        return new AddressDecoder.Target(unit, hpa - unit.registers().start(), unit.name());
      }
    }
    for (var segment : pci().segments()) {
      AddressRange ecam = pci().ecamRange(segment.segment());
      if (ecam.contains(hpa)) {
        return new AddressDecoder.Target(
            pci().ecam(segment.segment()), hpa - ecam.start(), "ecam" + segment.segment());
      }
    }
    return pci().decode(hpa).map(hit -> new AddressDecoder.Target(hit, 0, name(hit))).orElse(null);
  }

  private static String name(BarHit hit) {
    return hit.function().rid() + " bar" + hit.bar() + " + 0x" + Long.toHexString(hit.offset());
  }

  /** A VF is behind the unit of its PF. */
  private @Nullable Rid physicalFunction(Rid rid) {
    return pci().at(rid).flatMap(ModelFunction::physicalFunction).orElse(null);
  }
}
