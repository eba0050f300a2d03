package dev.vmm.machine.model.vtd;

/**
 * Why a DMA or an interrupt was blocked. VT-d r4.1, "Fault Reason Encodings", those of legacy mode
 * and of interrupt remapping.
 */
public enum FaultReason {
  /** The root entry is not present. */
  ROOT_ENTRY_NOT_PRESENT(0x1, false),
  /** The context entry is not present. */
  CONTEXT_ENTRY_NOT_PRESENT(0x2, true),
  /** The context entry asks for a width or a translation type that the unit has not. */
  CONTEXT_ENTRY_INVALID(0x3, true),
  /** The address is beyond the width of the unit or of the context entry. */
  ADDRESS_BEYOND_WIDTH(0x4, true),
  /** A write, and an entry on the way denies it. */
  WRITE_DENIED(0x5, true),
  /** A read, and an entry on the way denies it. */
  READ_DENIED(0x6, true),
  /** A second-stage table cannot be read. */
  PAGE_TABLE_ACCESS(0x7, true),
  /** The root table cannot be read. */
  ROOT_TABLE_ACCESS(0x8, false),
  /** A context table cannot be read. */
  CONTEXT_TABLE_ACCESS(0x9, false),
  /** A present root entry has reserved bits set. */
  ROOT_ENTRY_RESERVED(0xa, false),
  /** A present context entry has reserved bits set. */
  CONTEXT_ENTRY_RESERVED(0xb, true),
  /** A present second-stage entry has reserved bits set. */
  PAGE_ENTRY_RESERVED(0xc, true),
  /** The translation type of the context entry blocks requests that say they are translated. */
  TRANSLATED_BLOCKED(0xd, true),
  /** A message in the remappable format has reserved bits set. */
  INTERRUPT_REQUEST_RESERVED(0x20, false),
  /** The index of a message is beyond the interrupt-remapping table. */
  INTERRUPT_INDEX_BEYOND_TABLE(0x21, false),
  /** The interrupt-remapping entry is not present. */
  INTERRUPT_ENTRY_NOT_PRESENT(0x22, true),
  /** The interrupt-remapping table cannot be read. */
  INTERRUPT_TABLE_ACCESS(0x23, false),
  /** A present interrupt-remapping entry has reserved bits or codes. */
  INTERRUPT_ENTRY_RESERVED(0x24, true),
  /** A message in the format without remapping. */
  COMPATIBILITY_FORMAT_BLOCKED(0x25, false),
  /** The interrupt-remapping entry is not the sender's. */
  INTERRUPT_SOURCE_MISMATCH(0x26, true);

  private final int code;
  private final boolean qualified;

  FaultReason(int code, boolean qualified) {
    this.code = code;
    this.qualified = qualified;
  }

  /** Returns what stands in FRCD.FR. */
  public int code() {
    return code;
  }

  /**
   * Says whether the FPD of the context entry, or of the interrupt's, keeps it from being recorded.
   */
  public boolean qualified() {
    return qualified;
  }
}
