package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.decode.TableRule;
import dev.vmm.iommu.inspect.Finding.Severity;

/**
 * What is looked for in an IVRS table. A rule's id is its name after {@code IVRS-}, with dashes; it
 * never changes its meaning.
 *
 * <p>Source: AMD 48882 rev 3.10, "I/O Virtualization ACPI Table".
 */
enum IvrsRule implements TableRule {
  SIGNATURE(Severity.ERROR, "give the IVRS table"),
  CHECKSUM(Severity.ERROR, "read the table again; if it stays so, update the firmware"),
  LENGTH(Severity.ERROR, "update the firmware; what follows in the table cannot be trusted"),
  PHYSICAL_WIDTH(Severity.WARNING, "update the firmware; drivers ask the processor instead"),
  NO_UNIT(Severity.ERROR, "turn the IOMMU on in the firmware's setup, or update the firmware"),
  BASE_ZERO(Severity.ERROR, "update the firmware; no driver can use this unit"),
  BASE_MISPLACED(Severity.ERROR, "update the firmware; no driver can use this unit"),
  BASE_OVERLAP(Severity.ERROR, "update the firmware; two units cannot share registers"),
  BASE_BEYOND_WIDTH(Severity.ERROR, "update the firmware; the registers cannot be reached"),
  CAPABILITY_OFFSET(
      Severity.WARNING, "update the firmware; drivers look for the capability themselves"),
  UNIT_ABSENT(
      Severity.WARNING, "update the firmware; a unit whose function is hidden cannot send its MSI"),
  UNIT_TWICE(Severity.WARNING, "update the firmware; the first description is taken"),
  KINDS_BASE(
      Severity.ERROR, "update the firmware; old and new drivers would look at different registers"),
  KINDS_DISAGREE(
      Severity.WARNING,
      "update the firmware; old and new drivers would treat a device differently"),
  UNIT_WITHOUT_DEVICES(Severity.WARNING, "update the firmware; no device is under this unit"),
  RANGE(Severity.ERROR, "update the firmware; the devices of the range are under no unit"),
  DEVICE_OF_TWO_UNITS(
      Severity.WARNING, "update the firmware; the first unit is taken, and may be the wrong one"),
  DEVICE_TWICE(Severity.WARNING, "update the firmware; which entry counts is left to the driver"),
  ENTRY_TYPE(Severity.WARNING, "a newer dmardump may know it; drivers ignore the entry"),
  SPECIAL_VARIETY(Severity.WARNING, "a newer dmardump may know it; drivers ignore the entry"),
  ACPI_UID(Severity.WARNING, "update the firmware; drivers may not find the device"),
  DEVICE_ABSENT(
      Severity.WARNING,
      "a device that was removed or turned off is harmless; a hot-plug slot's appears later"),
  IVMD_FLAGS(
      Severity.WARNING,
      "update the firmware; the memory is taken as reserved for reads and writes"),
  IVMD_IDS(Severity.ERROR, "update the firmware; the memory is reserved for no device"),
  IVMD_EMPTY(Severity.ERROR, "update the firmware; the block reserves nothing"),
  IVMD_WRAPS(Severity.ERROR, "update the firmware; the block ends where the addresses do"),
  IVMD_UNALIGNED(Severity.WARNING, "update the firmware; every page that it touches is reserved"),
  IVMD_BEYOND_WIDTH(Severity.ERROR, "update the firmware; no device can reach the memory"),
  IVMD_OVERLAP(Severity.WARNING, "update the firmware; two blocks claim the same memory"),
  IVMD_ALL_DEVICES(
      Severity.WARNING,
      "no device can be passed through without a relaxation: ask for firmware that names the devices"),
  IVMD_LARGE(
      Severity.WARNING, "its devices reach much memory: ask for firmware that reserves less"),
  IVMD_OUTSIDE_MEMORY(
      Severity.WARNING,
      "update the firmware; what a block names is memory, and reserved in the memory map"),
  IVMD_USABLE_MEMORY(
      Severity.ERROR,
      "update the firmware; what the system keeps there, the devices overwrite, or it them"),
  IVMD_NOT_RESERVED(
      Severity.WARNING, "update the firmware; the memory must be reserved in the memory map"),
  UNKNOWN_BLOCK(Severity.WARNING, "a newer dmardump may know it; drivers ignore the block"),
  RESERVED_BITS(Severity.INFO, "a newer book may define them; drivers ignore them"),
  NO_IOAPIC(
      Severity.WARNING,
      "update the firmware; drivers leave interrupt remapping off then, and a passed-through device can raise any"
          + " interrupt"),
  IOAPIC_MISSING(
      Severity.WARNING,
      "update the firmware; drivers leave interrupt remapping off then, and a passed-through device can raise any"
          + " interrupt"),
  DMA_REMAP(Severity.INFO, "firmware protects memory from DMA; the unit may be found enabled");

  private final Severity severity;
  private final String remedy;

  IvrsRule(Severity severity, String remedy) {
    this.severity = severity;
    this.remedy = remedy;
  }

  @Override
  public String signature() {
    return IvrsLayout.FORMAT.signature();
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
