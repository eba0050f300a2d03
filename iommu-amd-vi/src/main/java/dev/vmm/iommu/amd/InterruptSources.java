package dev.vmm.iommu.amd;

import dev.vmm.acpi.AcpiTable;
import dev.vmm.acpi.AcpiTables;
import dev.vmm.acpi.ByteReader;
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
 * <p>Source: AMD 48882 rev 3.x, "Special Device" entries; ACPI 6.5, "I/O APIC Structure" of the
 * MADT.
 */
final class InterruptSources {
  private static final int FIRST_STRUCTURE = 44;
  private static final int IO_APIC = 1;
  private static final int IO_APIC_BYTES = 12;

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
    Set<Integer> there = new TreeSet<>();
    Optional<AcpiTable> madt = tables.find("APIC");
    if (madt.isPresent() && !read(madt.get(), there)) {
      return Optional.of("the MADT (" + madt.get().origin() + ") is damaged");
    }
    there.removeAll(told);
    return there.isEmpty()
        ? Optional.empty()
        : Optional.of("the IVRS table does not name the I/O APICs " + there + " of the MADT");
  }

  /** Adds the ids of the I/O APICs; returns whether the table's lengths fit. */
  private static boolean read(AcpiTable madt, Set<Integer> ids) {
    ByteReader reader = madt.reader();
    int length = madt.lengthBytes();
    int at = FIRST_STRUCTURE;
    while (at + 2 <= length) {
      int bytes = reader.u8(at + 1);
      if (bytes < 2 || at + bytes > length) {
        return false;
      }
      if (reader.u8(at) == IO_APIC && bytes >= IO_APIC_BYTES) {
        ids.add(reader.u8(at + 2));
      }
      at += bytes;
    }
    return at == length;
  }
}
