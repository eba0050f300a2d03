package dev.vmm.iommu;

import dev.vmm.VmmException;

/**
 * Where an interrupt goes: what a message in the format without remapping says.
 *
 * <p>Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3, "Message
 * Signalled Interrupts"; VT-d r4.1, "Interrupt Requests in Intel 64 Compatibility Format".
 *
 * @param destination the APIC id: 0 to 255, or 32 bits where the processors are in x2APIC mode
 * @param logical whether {@code destination} is a logical one
 * @param lowestPriority whether the redirection hint is set
 * @param deliveryMode 0 to 7, as in a message: 0 fixed, 1 lowest priority, 4 NMI
 * @param levelTriggered whether it is level-triggered
 * @param vector 0 to 255; 16 and more for a fixed one
 */
public record InterruptTarget(
    int destination,
    boolean logical,
    boolean lowestPriority,
    int deliveryMode,
    boolean levelTriggered,
    int vector) {
  private static final long WINDOW = 0xfee00000L;
  private static final long WINDOW_MASK = ~0xfffffL;

  /** Reserved bits, the one that says that the message is to be remapped, and those of no dword. */
  private static final long NO_TARGET = 0xff3;

  private static final int REDIRECTION_HINT = 1 << 3;
  private static final int LOGICAL = 1 << 2;
  private static final int TRIGGER_LEVEL = 1 << 15;

  /** Checks the ranges (EINVAL). */
  public InterruptTarget {
    if ((deliveryMode & ~7) != 0 || (vector & ~0xff) != 0) {
      throw VmmException.invalid(
          "an interrupt of delivery mode %d and vector 0x%x: expected a mode of 3 bits and a vector of 8",
          deliveryMode, vector);
    }
  }

  /**
   * Reads a message in the format without remapping.
   *
   * @throws VmmException EINVAL if its address is not 0xFEExxxxx, or has one of bits 11:4 set: bit
   *     4 says that it names an entry for remapping, the others are reserved
   */
  public static InterruptTarget of(MsiMessage message) {
    long address = message.address();
    if ((address & WINDOW_MASK) != WINDOW || (address & NO_TARGET) != 0) {
      throw VmmException.invalid(
          "the message %s names no processor: expected an address 0xfeexx00x, a multiple of 4, in the"
              + " format without remapping",
          message);
    }
    int data = message.data();
    return new InterruptTarget(
        (int) (address >>> 12) & 0xff,
        (address & LOGICAL) != 0,
        (address & REDIRECTION_HINT) != 0,
        (data >>> 8) & 7,
        (data & TRIGGER_LEVEL) != 0,
        data & 0xff);
  }
}
