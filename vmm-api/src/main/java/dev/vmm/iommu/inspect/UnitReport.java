package dev.vmm.iommu.inspect;

import dev.vmm.iommu.DmaFault;
import java.util.List;

/**
 * One unit as it is programmed at this moment.
 *
 * @param name the back end's name of the unit
 * @param kind the firmware structure that describes it, lower case: {@code drhd}, {@code ivhd}
 * @param baseHpa the physical address of its registers
 * @param version as {@code major.minor}
 * @param segment the PCI segment
 * @param scope the devices that firmware puts under it, in words, such as {@code all other devices
 *     of segment 0}
 * @param enabled whether translation is on
 * @param rootTable the hpa of the root or device table, 0 if none was set
 * @param registers all registers, by offset
 * @param devices the present device entries, by requester id
 * @param domains the page tables that the entries lead to, each once
 * @param faults the recorded faults, left in place
 * @param owner who may be using it, in words; empty if that is not known
 * @param queues its queues, buffers and logs
 * @param interrupts its interrupt-remapping tables
 * @param memory what it reads and writes itself, page tables left out, by kind
 * @param problems what could not be read or is against the book
 */
public record UnitReport(
    String name,
    String kind,
    long baseHpa,
    String version,
    int segment,
    List<String> scope,
    boolean enabled,
    long rootTable,
    List<RegisterReport> registers,
    List<DeviceEntryReport> devices,
    List<DomainReport> domains,
    List<DmaFault> faults,
    String owner,
    List<QueueReport> queues,
    List<InterruptTableReport> interrupts,
    List<MemoryReport> memory,
    List<String> problems) {
  /** Copies the lists. */
  public UnitReport {
    scope = List.copyOf(scope);
    registers = List.copyOf(registers);
    devices = List.copyOf(devices);
    domains = List.copyOf(domains);
    faults = List.copyOf(faults);
    queues = List.copyOf(queues);
    interrupts = List.copyOf(interrupts);
    memory = List.copyOf(memory);
    problems = List.copyOf(problems);
  }

  /** A unit of which queues, interrupt tables, memory and owner are not known. */
  public UnitReport(
      String name,
      String kind,
      long baseHpa,
      String version,
      int segment,
      List<String> scope,
      boolean enabled,
      long rootTable,
      List<RegisterReport> registers,
      List<DeviceEntryReport> devices,
      List<DomainReport> domains,
      List<DmaFault> faults,
      List<String> problems) {
    this(
        name, kind, baseHpa, version, segment, scope, enabled, rootTable, registers, devices,
        domains, faults, "", List.of(), List.of(), List.of(), problems);
  }
}
