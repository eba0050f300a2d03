package dev.vmm.machine.model.acpi;

/**
 * Builds MADT, the interrupt controllers that scopes name by their ids: ACPI 6.5, "Multiple APIC
 * Description Table (MADT)". Not thread-safe.
 */
public final class MadtBuilder {
  private final TableBytes body = new TableBytes();

  /** Starts with local APICs at 0xfee00000 and 8259s beside them. */
  public MadtBuilder() {
    body.u32(0xfee00000L).u32(1);
  }

  /** Adds a processor with a local APIC: "Processor Local APIC Structure". */
  public MadtBuilder processor(int uid, int apicId) {
    body.u8(0).u8(8).u8(uid).u8(apicId).u32(1);
    return this;
  }

  /** Adds an I/O APIC: "I/O APIC Structure". */
  public MadtBuilder ioApic(int id, long hpa, int firstInterrupt) {
    body.u8(1).u8(12).u8(id).u8(0).u32(hpa).u32(firstInterrupt);
    return this;
  }

  /** Returns the table. */
  public byte[] build() {
    return Sdt.of("APIC", 5, body.toBytes());
  }
}
