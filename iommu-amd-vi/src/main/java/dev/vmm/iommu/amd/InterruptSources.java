package dev.vmm.iommu.amd;

import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.Madt;
import dev.vmm.iommu.amd.ivrs.UnitMap;
import dev.vmm.iommu.amd.ivrs.UnitMap.SpecialKind;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Whether firmware says enough for interrupts to be remapped. Every unit can; but with the messages
 * of unknown requester ids stopped, an I/O APIC whose id the IVRS table does not give would be
 * silenced, and the host with it. Stateless.
 *
 * <p>Source: AMD 48882 rev 3.x, "Special Device" entries.
 */
final class InterruptSources {
  private InterruptSources() {}

  /** Returns why interrupts cannot be remapped, for a log line; empty if they can. */
  static Optional<String> missing(AcpiTables tables, UnitMap map) {
    Set<Integer> told =
        map.specialDevices().stream()
            .filter(device -> device.kind() == SpecialKind.IOAPIC)
            .map(UnitMap.SpecialDevice::handle)
            .collect(Collectors.toCollection(TreeSet::new));
    if (told.isEmpty()) {
      return Optional.of("the IVRS table names no I/O APIC");
    }
    Optional<Madt> madt = Madt.find(tables);
    if (madt.isPresent() && !madt.get().whole()) {
      return Optional.of("the MADT is damaged");
    }
    Set<Integer> there = new TreeSet<>();
    madt.ifPresent(table -> table.ioApics().forEach(ioApic -> there.add(ioApic.id())));
    there.removeAll(told);
    return there.isEmpty()
        ? Optional.empty()
        : Optional.of("the IVRS table does not name the I/O APICs " + there + " of the MADT");
  }
}
