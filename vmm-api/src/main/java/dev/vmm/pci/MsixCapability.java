package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Layout;
import java.util.Optional;

/**
 * A function's MSI-X capability, as far as it never changes. Says where the vector table and the
 * pending bits are; whether those places exist is for the reader to check against the BARs.
 *
 * <p>Source: PCI Express Base 5.0, "MSI-X Capability and Table Structure". Immutable and
 * thread-safe.
 *
 * @param offset the byte offset of the capability in config space
 * @param vectors the number of table entries, 1 to 2048
 * @param tableBar the index of the BAR that holds the table, 0 to 7 as the function says
 * @param tableOffset the table's byte offset in that BAR, a multiple of 8
 * @param pendingBar the index of the BAR that holds the pending bits
 * @param pendingOffset the pending bits' byte offset in that BAR, a multiple of 8
 */
public record MsixCapability(
    int offset, int vectors, int tableBar, long tableOffset, int pendingBar, long pendingOffset) {
  /** Message Control Register: byte offset from the capability, 16 bits. */
  public static final int CONTROL = 0x02;

  /** Table Offset / Table BIR Register: byte offset from the capability, 32 bits. */
  public static final int TABLE = 0x04;

  /** PBA Offset / PBA BIR Register: byte offset from the capability, 32 bits. */
  public static final int PENDING = 0x08;

  /** MSI-X Enable in the Message Control Register. */
  public static final int ENABLE = 1 << 15;

  /** Function Mask in the Message Control Register. */
  public static final int FUNCTION_MASK = 1 << 14;

  /** The bytes of a table entry. */
  public static final int ENTRY_BYTES = 16;

  /** Message Address in a table entry, 32 bits. */
  public static final int ENTRY_ADDRESS = 0x0;

  /** Message Upper Address in a table entry, 32 bits. */
  public static final int ENTRY_UPPER_ADDRESS = 0x4;

  /** Message Data in a table entry, 32 bits. */
  public static final int ENTRY_DATA = 0x8;

  /** Vector Control in a table entry, 32 bits. */
  public static final int ENTRY_CONTROL = 0xc;

  /** Mask Bit in Vector Control. */
  public static final int ENTRY_MASKED = 1;

  /** Message Control Register. */
  public static final Layout CONTROL_LAYOUT =
      Layout.of16("MSI-X_Message_Control")
          .bit("MSI-X_Enable", 15, AccessKind.RW)
          .bit("Function_Mask", 14, AccessKind.RW)
          .rsvdp(13, 11)
          .field("Table_Size", 10, 0, AccessKind.RO)
          .build();

  /** Table Offset / Table BIR Register. */
  public static final Layout TABLE_LAYOUT =
      Layout.of32("MSI-X_Table")
          .field("Table_Offset", 31, 3, AccessKind.RO)
          .field("Table_BIR", 2, 0, AccessKind.RO)
          .build();

  /** PBA Offset / PBA BIR Register. */
  public static final Layout PENDING_LAYOUT =
      Layout.of32("MSI-X_PBA")
          .field("PBA_Offset", 31, 3, AccessKind.RO)
          .field("PBA_BIR", 2, 0, AccessKind.RO)
          .build();

  /** Vector Control of a table entry. */
  public static final Layout ENTRY_CONTROL_LAYOUT =
      Layout.of32("Vector_Control")
          .field("ST_Upper", 31, 24, AccessKind.RW)
          .field("ST_Lower", 23, 16, AccessKind.RW)
          .rsvdp(15, 1)
          .bit("Mask_Bit", 0, AccessKind.RW)
          .build();

  /** Returns the function's capability, if it has one. */
  public static Optional<MsixCapability> of(ConfigSpace config) {
    return config
        .capability(PciCapability.MSI_X)
        .map(
            offset -> {
              int table = config.read32(offset + TABLE);
              int pending = config.read32(offset + PENDING);
              return new MsixCapability(
                  offset,
                  (config.read16(offset + CONTROL) & 0x7ff) + 1,
                  table & 7,
                  Integer.toUnsignedLong(table & ~7),
                  pending & 7,
                  Integer.toUnsignedLong(pending & ~7));
            });
  }

  /** Returns the config offset of the Message Control Register. */
  public int controlOffset() {
    return offset + CONTROL;
  }

  /** Returns the table's length in bytes. */
  public long tableBytes() {
    return (long) vectors * ENTRY_BYTES;
  }

  /** Returns the length of the pending bits in bytes: 8 for each 64 vectors begun. */
  public long pendingBytes() {
    return (vectors + 63) / 64 * 8L;
  }
}
