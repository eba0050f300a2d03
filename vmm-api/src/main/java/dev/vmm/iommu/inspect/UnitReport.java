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
    List<String> problems) {
  /** Copies the lists. */
  public UnitReport {
    scope = List.copyOf(scope);
    registers = List.copyOf(registers);
    devices = List.copyOf(devices);
    domains = List.copyOf(domains);
    faults = List.copyOf(faults);
    problems = List.copyOf(problems);
  }
}
