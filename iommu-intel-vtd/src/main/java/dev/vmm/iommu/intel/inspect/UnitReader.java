package dev.vmm.iommu.intel.inspect;

import dev.vmm.VmmException;
import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import dev.vmm.iommu.DmaFault;
import dev.vmm.iommu.inspect.InterruptTableReport;
import dev.vmm.iommu.inspect.MemoryReport;
import dev.vmm.iommu.inspect.QueueReport;
import dev.vmm.iommu.inspect.RegisterReport;
import dev.vmm.iommu.inspect.UnitReport;
import dev.vmm.iommu.intel.dmar.DeviceScope;
import dev.vmm.iommu.intel.dmar.Drhd;
import dev.vmm.iommu.intel.regs.CapReg;
import dev.vmm.iommu.intel.regs.EcapReg;
import dev.vmm.iommu.intel.regs.GstsReg;
import dev.vmm.iommu.intel.regs.IrtaReg;
import dev.vmm.iommu.intel.regs.RtaddrReg;
import dev.vmm.iommu.intel.regs.VerReg;
import dev.vmm.iommu.intel.regs.VtdRegisters;
import dev.vmm.iommu.intel.structs.SecondStageFormat;
import dev.vmm.iommu.intel.unit.FaultRecords;
import dev.vmm.iommu.support.UnitRegisters;
import dev.vmm.iommu.support.inspect.UnitAccess;
import dev.vmm.machine.Machine;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Reads one unit into a report; writes no register. Used once, by one thread. */
public final class UnitReader {
  private static final int ENTRY_HPA_BITS = 52;

  private final String name;
  private final Drhd drhd;
  private final int hpaBits;
  private final Machine machine;
  private final List<String> problems = new ArrayList<>();
  private final List<QueueReport> queues = new ArrayList<>();
  private final List<InterruptTableReport> interrupts = new ArrayList<>();

  /**
   * A reader of one unit.
   *
   * @param name the unit's name
   * @param drhd what firmware says of it
   * @param hostAddressWidth the width of host addresses by the DMAR table, in bits
   */
  public UnitReader(String name, Drhd drhd, int hostAddressWidth, Machine machine) {
    this.name = name;
    this.drhd = drhd;
    this.hpaBits = Math.min(ENTRY_HPA_BITS, hostAddressWidth);
    this.machine = machine;
  }

  /**
   * Reads the unit. What cannot be read is a problem of the report.
   *
   * @throws VmmException EIO or ETIMEDOUT if the machine does not answer
   */
  public UnitReport read() {
    return UnitAccess.open(
            machine, name, drhd.registerBaseHpa(), drhd.registerBytes(), problems::add)
        .map(this::read)
        .orElseGet(() -> report("?", null, 0, List.of(), new TableReader.Result(), List.of()));
  }

  private UnitReport read(UnitRegisters registers) {
    VerReg version = new VerReg(registers.read(VerReg.LAYOUT, VerReg.OFFSET));
    CapReg cap = new CapReg(registers.read(CapReg.LAYOUT, CapReg.OFFSET));
    EcapReg ecap = new EcapReg(registers.read(EcapReg.LAYOUT, EcapReg.OFFSET));
    if (cap.raw() == -1L) {
      problems.add("every register reads all ones: no unit answers at this address");
      return report("?", null, 0, List.of(), new TableReader.Result(), List.of());
    }
    GstsReg status = new GstsReg(registers.read(GstsReg.LAYOUT, GstsReg.OFFSET));
    RtaddrReg rtaddr = new RtaddrReg(registers.read(RtaddrReg.LAYOUT, RtaddrReg.OFFSET));
    List<RegisterReport> all = registers(registers, cap, ecap);
    List<DmaFault> faults = new ArrayList<>();
    if (cap.faultRecordingOffset() + 16L * cap.faultRecordingRegisters() <= drhd.registerBytes()) {
      new FaultRecords(registers, drhd.segment(), cap).peekTo(faults);
    }
    TableReader.Result tables =
        rtaddr.rootTable() == 0
            ? new TableReader.Result()
            : new TableReader(
                    machine.memory(),
                    drhd.segment(),
                    new SecondStageFormat(hpaBits, cap.pageSizes(), ecap.sc()))
                .read(rtaddr);
    rings(registers, ecap, status, tables);
    String major = version.max() + "." + version.min();
    return report(major, status, rtaddr.rootTable(), all, tables, faults);
  }

  /** Reads the queue and the interrupt-remapping table, where the unit has them set up. */
  private void rings(
      UnitRegisters registers, EcapReg ecap, GstsReg status, TableReader.Result tables) {
    if (ecap.qi()) {
      QueueReport queue = QueueReader.read(registers, machine.memory(), status.qies());
      queues.add(queue);
      if (queue.hpa() != 0) {
        tables.memory.add(
            new MemoryReport(
                queue.name(), queue.hpa(), (long) queue.entries() * queue.entryBytes()));
      }
    }
    if (ecap.ir()) {
      long irta = registers.read(IrtaReg.LAYOUT, IrtaReg.OFFSET);
      boolean enabled = GstsReg.IRES.isSet(status.raw());
      if (enabled || (irta & IrtaReg.IRTA.mask()) != 0) {
        InterruptTableReport table = InterruptTableReader.read(irta, machine.memory(), enabled);
        interrupts.add(table);
        tables.problems.addAll(table.problems());
        tables.memory.add(
            new MemoryReport(
                "interrupt-remapping table", table.hpa(), InterruptTableReader.bytes(irta)));
      }
    }
  }

  private static String owner(@Nullable GstsReg status) {
    if (status == null) {
      return "";
    }
    List<String> on = new ArrayList<>();
    add(on, GstsReg.TES, status, "translation");
    add(on, GstsReg.IRES, status, "interrupt remapping");
    add(on, GstsReg.QIES, status, "queued invalidation");
    add(on, GstsReg.AFLS, status, "advanced fault logging");
    return on.isEmpty()
        ? "nobody: everything is off"
        : String.join(", ", on)
            + " on: a hypervisor, the host's own I/O MMU driver, or firmware that protects memory from DMA";
  }

  private static void add(List<String> words, Field field, GstsReg status, String word) {
    if (field.isSet(status.raw())) {
      words.add(word);
    }
  }

  private static boolean isWriteOnly(Layout layout) {
    return (layout.maskOf(AccessKind.RO)
            | layout.maskOf(AccessKind.RW)
            | layout.maskOf(AccessKind.RW1C))
        == 0;
  }

  private List<RegisterReport> registers(UnitRegisters registers, CapReg cap, EcapReg ecap) {
    List<RegisterReport> all = new ArrayList<>();
    for (VtdRegisters.Register register : VtdRegisters.of(cap, ecap)) {
      if (isWriteOnly(register.layout())) {
        continue; // what a read of it returns is undefined
      }
      if (register.end() > drhd.registerBytes()) {
        problems.add(
            String.format(
                Locale.ROOT,
                "%s would be at 0x%x, beyond the 0x%x bytes of the register set",
                register.layout().name(),
                register.offset(),
                drhd.registerBytes()));
        continue;
      }
      if (!register.readable()) {
        continue;
      }
      long raw = registers.read(register.layout(), register.offset());
      all.add(RegisterReport.of(register.layout(), register.offset(), raw, FieldMeaning::of));
    }
    all.sort(Comparator.comparingLong(RegisterReport::offset));
    return all;
  }

  private UnitReport report(
      String version,
      @Nullable GstsReg status,
      long rootTable,
      List<RegisterReport> registers,
      TableReader.Result tables,
      List<DmaFault> faults) {
    List<String> allProblems = new ArrayList<>(problems);
    allProblems.addAll(tables.problems);
    return new UnitReport(
        name,
        "drhd",
        drhd.registerBaseHpa(),
        version,
        drhd.segment(),
        scope(),
        status != null && status.tes(),
        rootTable,
        registers,
        tables.devices,
        tables.domains,
        faults,
        owner(status),
        queues,
        interrupts,
        tables.memory,
        allProblems);
  }

  private List<String> scope() {
    List<String> words = new ArrayList<>();
    for (DeviceScope scope : drhd.scopes()) {
      words.add(scope.toString());
    }
    if (drhd.includeAll()) {
      words.add("all other devices of segment " + drhd.segment());
    }
    return words;
  }
}
