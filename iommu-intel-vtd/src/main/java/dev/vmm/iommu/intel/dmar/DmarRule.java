package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.decode.TableRule;
import dev.vmm.iommu.inspect.Finding.Severity;

/**
 * What is looked for in a DMAR table. A rule's id is its name after {@code DMAR-}, with dashes; it
 * never changes its meaning.
 *
 * <p>Source: VT-d r4.1, "DMA Remapping Reporting Structure".
 */
enum DmarRule implements TableRule {
  SIGNATURE(Severity.ERROR, "give the DMAR table"),
  CHECKSUM(Severity.ERROR, "read the table again; if it stays so, update the firmware"),
  LENGTH(Severity.ERROR, "update the firmware; what follows in the table cannot be trusted"),
  NO_UNIT(Severity.ERROR, "turn VT-d on in the firmware's setup, or update the firmware"),
  BASE_ZERO(Severity.ERROR, "update the firmware; no driver can use this unit"),
  BASE_MISPLACED(Severity.ERROR, "update the firmware; no driver can use this unit"),
  BASE_OVERLAP(Severity.ERROR, "update the firmware; two units cannot share registers"),
  BASE_BEYOND_WIDTH(Severity.ERROR, "update the firmware; the registers cannot be reached"),
  INCLUDE_ALL_TWICE(
      Severity.ERROR, "update the firmware; the first one is taken, the other is never used"),
  INCLUDE_ALL_NOT_LAST(
      Severity.WARNING, "update the firmware; drivers that obey the order give it every device"),
  UNIT_WITHOUT_SCOPE(Severity.WARNING, "update the firmware; no device is under this unit"),
  NO_INCLUDE_ALL(
      Severity.INFO,
      "a device that no scope names is not translated: do not pass such a one through"),
  RMRR_EMPTY(Severity.ERROR, "update the firmware; the region reserves nothing"),
  RMRR_UNALIGNED(Severity.WARNING, "update the firmware; every page that it touches is reserved"),
  RMRR_NO_SCOPE(Severity.WARNING, "update the firmware; the region belongs to no device"),
  RMRR_OVERLAP(Severity.WARNING, "update the firmware; two regions claim the same memory"),
  RMRR_LARGE(
      Severity.INFO,
      "its devices reach much memory; integrated graphics often has such a region for itself"),
  RMRR_BEYOND_WIDTH(Severity.ERROR, "update the firmware; no device can reach the region"),
  RMRR_OUTSIDE_MEMORY(
      Severity.WARNING, "update the firmware; a region is memory, and reserved in the memory map"),
  RMRR_USABLE_MEMORY(
      Severity.ERROR,
      "update the firmware; what the system keeps there, the devices overwrite, or it them"),
  RMRR_NOT_RESERVED(
      Severity.WARNING, "update the firmware; a region must be reserved in the memory map"),
  SCOPE_NO_PATH(Severity.ERROR, "update the firmware; the scope names no device"),
  SCOPE_HALF_HOP(Severity.ERROR, "update the firmware; the last byte is ignored"),
  SCOPE_HOP(Severity.ERROR, "update the firmware; the scope names no device"),
  SCOPE_TYPE(Severity.WARNING, "a newer dmardump may know it; drivers ignore the scope"),
  SCOPE_ABSENT(
      Severity.WARNING,
      "a device that was removed or turned off is harmless; a hot-plug slot's appears later"),
  SCOPE_ODD(Severity.WARNING, "update the firmware; the scope covers less than it seems to"),
  UNKNOWN_STRUCTURE(Severity.WARNING, "a newer dmardump may know it; drivers ignore the structure"),
  RESERVED_BITS(Severity.WARNING, "a newer book may define them; drivers ignore them"),
  NO_INTERRUPT_REMAPPING(
      Severity.WARNING,
      "turn it on in the firmware's setup: without it a passed-through device can raise any interrupt"),
  X2APIC_OPT_OUT(
      Severity.INFO, "an operating system that obeys stays in xAPIC mode: no more than 255 CPUs"),
  DMA_CONTROL_OPT_IN(
      Severity.INFO, "firmware wants DMA protection from boot on; the unit may be found enabled");

  private final Severity severity;
  private final String remedy;

  DmarRule(Severity severity, String remedy) {
    this.severity = severity;
    this.remedy = remedy;
  }

  @Override
  public String signature() {
    return DmarLayout.FORMAT.signature();
  }

  @Override
  public Severity severity() {
    return severity;
  }

  @Override
  public String remedy() {
    return remedy;
  }
}
