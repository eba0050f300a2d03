package dev.vmm.iommu.amd.inspect;

import dev.vmm.VmmException;
import dev.vmm.bits.Field;
import dev.vmm.iommu.amd.ivrs.DeviceEntry;
import dev.vmm.iommu.amd.ivrs.Ivhd;
import dev.vmm.iommu.amd.regs.AmdViRegisters;
import dev.vmm.iommu.amd.regs.CapHeader;
import dev.vmm.iommu.amd.regs.ControlReg;
import dev.vmm.iommu.amd.regs.DevTabBaseReg;
import dev.vmm.iommu.amd.regs.EfrReg;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.Problems;
import dev.vmm.iommu.support.inspect.UnitAccess;
import dev.vmm.machine.Machine;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Reads one unit into a report; writes no register, and no register changes by being read. Used
 * once, by one thread.
 */
public final class UnitReader {
  /** Every register but the performance counters, which are not looked at, is in these. */
  static final long REGISTER_BYTES = 0x4000;

  private final String name;
  private final Ivhd ivhd;
  private final Machine machine;
  private final Problems problems = new Problems();

  /**
   * A reader of one unit.
   *
   * @param name the unit's name
   * @param ivhd what firmware says of it
   */
  public UnitReader(String name, Ivhd ivhd, Machine machine) {
    this.name = name;
    this.ivhd = ivhd;
    this.machine = machine;
  }

  /**
   * Reads the unit. What cannot be read is a problem of the report.
   *
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public UnitReport read() {
    return UnitAccess.open(
            machine,
            name,
            ivhd.registerBaseHpa(),
            REGISTER_BYTES,
            problem -> problems.add("%s", problem))
        .map(this::read)
        .orElseGet(this::absent);
  }

  private UnitReport read(UnitRegisters registers) {
    long control = registers.read(ControlReg.LAYOUT, ControlReg.OFFSET);
    if (control == -1L) {
      problems.add("every register reads all ones: no unit answers at this address");
      return absent();
    }
    return read(registers, control);
  }

  private UnitReport read(UnitRegisters registers, long control) {
    CapHeader capability = capability(ivhd, machine);
    EfrReg features = features(capability, registers);
    List<RegisterReport> all = registers(registers, features);
    RingReader rings = new RingReader(name, ivhd.segment(), registers, machine.memory());
    rings.read(features.pprSup());
    DeviceTableReader table =
        new DeviceTableReader(machine.memory(), ivhd.segment(), functions(), control, problems);
    table.read(registers, control);
    List<MemoryReport> memory = new ArrayList<>(table.used);
    memory.addAll(rings.used);
    return new UnitReport(
        name,
        "ivhd",
        ivhd.registerBaseHpa(),
        capability.isIommu() ? CapHeader.CAP_REV.get(capability.raw()) + ".0" : "?",
        ivhd.segment(),
        scope(),
        ControlReg.IOMMU_EN.isSet(control),
        new DevTabBaseReg(registers.read(DevTabBaseReg.LAYOUT, DevTabBaseReg.OFFSET)).base(),
        all,
        table.devices,
        table.domains().domains(),
        rings.faults,
        owner(control),
        rings.queues,
        table.interrupts,
        memory,
        problems.all());
  }

  private UnitReport absent() {
    return new UnitReport(
        name,
        "ivhd",
        ivhd.registerBaseHpa(),
        "?",
        ivhd.segment(),
        scope(),
        false,
        0,
        List.of(),
        List.of(),
        List.of(),
        List.of(),
        problems.all());
  }

  /** Returns the header of the capability that firmware points at, 0 if there is none. */
  static CapHeader capability(Ivhd ivhd, Machine machine) {
    int at = ivhd.capabilityOffset();
    if (at < 0x40 || at > 0xfc || (at & 3) != 0 || machine.pci().function(ivhd.rid()).isEmpty()) {
      return new CapHeader(0);
    }
    return new CapHeader(
        Integer.toUnsignedLong(machine.pci().function(ivhd.rid()).get().config().read32(at)));
  }

  /** Returns the extended features, none where the capability says that there is no register. */
  static EfrReg features(CapHeader capability, UnitRegisters registers) {
    return new EfrReg(
        capability.isIommu() && !capability.efrSup()
            ? 0
            : registers.read(EfrReg.LAYOUT, EfrReg.OFFSET));
  }

  private List<RegisterReport> registers(UnitRegisters registers, EfrReg features) {
    List<RegisterReport> all = new ArrayList<>();
    for (AmdViRegisters.Register register : AmdViRegisters.of(features)) {
      long raw = registers.read(register.layout(), register.offset());
      all.add(RegisterReport.of(register.layout(), register.offset(), raw, FieldMeaning::of));
    }
    all.sort(Comparator.comparingLong(RegisterReport::offset));
    return all;
  }

  private Set<Integer> functions() {
    Set<Integer> ids = new HashSet<>();
    machine.pci().functions().stream()
        .map(function -> function.rid())
        .filter(rid -> rid.segment() == ivhd.segment())
        .map(Rid::id16)
        .forEach(ids::add);
    return ids;
  }

  private static String owner(long control) {
    List<String> on = new ArrayList<>();
    add(on, ControlReg.IOMMU_EN, control, "translation");
    add(on, ControlReg.CMD_BUF_EN, control, "command buffer");
    add(on, ControlReg.EVENT_LOG_EN, control, "event log");
    add(on, ControlReg.PPR_LOG_EN, control, "PPR log");
    add(on, ControlReg.GA_LOG_EN, control, "guest virtual APIC log");
    return on.isEmpty()
        ? "nobody: everything is off"
        : String.join(", ", on)
            + " on: a hypervisor, the host's own I/O MMU driver, or firmware that protects memory from DMA";
  }

  private static void add(List<String> words, Field field, long control, String word) {
    if (field.isSet(control)) {
      words.add(word);
    }
  }

  private List<String> scope() {
    List<String> words = new ArrayList<>();
    for (DeviceEntry entry : ivhd.entries()) {
      String id = Rid.of(ivhd.segment(), entry.deviceId()).toString();
      switch (entry.type()) {
        case PAD4, PAD8 -> {}
        case ALL -> words.add("all devices of segment " + ivhd.segment());
        case RANGE_START, EXTENDED_RANGE_START -> words.add("from " + id);
        case ALIAS_RANGE_START -> words.add("from " + id + " as " + source(entry));
        case RANGE_END -> words.add("to " + id);
        case ALIAS_SELECT -> words.add(id + " as " + source(entry));
        case SPECIAL ->
            words.add(
                String.format(
                    Locale.ROOT,
                    "%s %d as %s",
                    entry.variety() == DeviceEntry.IOAPIC
                        ? "I/O APIC"
                        : entry.variety() == DeviceEntry.HPET ? "HPET" : "special device",
                    entry.handle(),
                    source(entry)));
        default -> words.add(id);
      }
    }
    return words;
  }

  private String source(DeviceEntry entry) {
    return Rid.of(ivhd.segment(), entry.sourceId()).toString();
  }
}
