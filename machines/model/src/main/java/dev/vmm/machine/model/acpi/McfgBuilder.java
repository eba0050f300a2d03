package dev.vmm.machine.model.acpi;

/**
 * Builds MCFG, where config space is mapped: PCI Firmware Specification 3.3, "MCFG Table
 * Description". Not thread-safe.
 */
public final class McfgBuilder {
  private final TableBytes body = new TableBytes().zeros(8);

  /** Starts without allocations. */
  public McfgBuilder() {}

  /** Adds the config space of buses {@code firstBus} to {@code lastBus} of a segment. */
  public McfgBuilder allocation(long baseHpa, int segment, int firstBus, int lastBus) {
    body.u64(baseHpa).u16(segment).u8(firstBus).u8(lastBus).zeros(4);
    return this;
  }

  /** Returns the table. */
  public byte[] build() {
    return Sdt.of("MCFG", 1, body.toBytes());
  }
}
