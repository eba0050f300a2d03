package dev.vmm.pci;

import dev.vmm.bits.AccessKind;
import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.Optional;

/**
 * A function's MSI capability, as far as it never changes.
 *
 * <p>Source: PCI Express Base 5.0, "MSI Capability Structures". Immutable and thread-safe.
 *
 * @param offset the byte offset of the capability in config space
 * @param vectors how many messages the function can use: 1, 2, 4, 8, 16 or 32
 * @param address64 whether messages can go to any 64-bit address
 * @param maskable whether each message has a mask bit
 */
public record MsiCapability(int offset, int vectors, boolean address64, boolean maskable) {
  /** Message Control Register: byte offset from the capability, 16 bits. */
  public static final int CONTROL = 0x02;

  /** Message Address Register: byte offset from the capability, 32 bits; bits 1:0 are 0. */
  public static final int ADDRESS = 0x04;

  /** Message Control Register. */
  public static final Layout CONTROL_LAYOUT =
      Layout.of16("MSI_Message_Control")
          .rsvdp(15, 11)
          .bit("Extended_Message_Data_Enable", 10, AccessKind.RW)
          .bit("Extended_Message_Data_Capable", 9, AccessKind.RO)
          .bit("Per-Vector_Masking_Capable", 8, AccessKind.RO)
          .bit("64_bit_Address_Capable", 7, AccessKind.RO)
          .field("Multiple_Message_Enable", 6, 4, AccessKind.RW)
          .field("Multiple_Message_Capable", 3, 1, AccessKind.RO)
          .bit("MSI_Enable", 0, AccessKind.RW)
          .build();

  private static final Field MULTIPLE_MESSAGE_CAPABLE =
      CONTROL_LAYOUT.field("Multiple_Message_Capable");

  /** Returns the function's capability, if it has one. Encodings that are reserved count as 32. */
  public static Optional<MsiCapability> of(ConfigSpace config) {
    return config
        .capability(PciCapability.MSI)
        .map(
            offset -> {
              int control = config.read16(offset + CONTROL);
              int order = (int) MULTIPLE_MESSAGE_CAPABLE.get(control);
              return new MsiCapability(
                  offset,
                  1 << Math.min(order, 5),
                  (control & (1 << 7)) != 0,
                  (control & (1 << 8)) != 0);
            });
  }

  /** Returns the config offset of the Message Control Register. */
  public int controlOffset() {
    return offset + CONTROL;
  }

  /** Returns the config offset of the Message Address Register. */
  public int addressOffset() {
    return offset + ADDRESS;
  }

  /** Returns the config offset of the Message Upper Address Register, if there is one. */
  public Optional<Integer> upperAddressOffset() {
    return address64 ? Optional.of(offset + 0x08) : Optional.empty();
  }

  /** Returns the config offset of the Message Data Register, 16 bits. */
  public int dataOffset() {
    return offset + (address64 ? 0x0c : 0x08);
  }

  /** Returns the config offset of the Mask Bits Register, 32 bits, if there is one. */
  public Optional<Integer> maskOffset() {
    return maskable ? Optional.of(offset + (address64 ? 0x10 : 0x0c)) : Optional.empty();
  }
}
