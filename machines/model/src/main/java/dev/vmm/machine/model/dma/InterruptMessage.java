package dev.vmm.machine.model.dma;

/**
 * A message-signalled interrupt on its way to the interrupt controllers.
 *
 * @param address 0xfeexxxxx; bits 31:8 of an x2APIC destination are in bits 63:40
 * @param data the vector, delivery mode, level and trigger mode as a message without remapping has
 *     them
 */
public record InterruptMessage(long address, int data) {
  /** Returns the message that goes to a destination: bits as a message without remapping has. */
  public static InterruptMessage to(
      int destination, boolean logical, boolean hint, int deliveryMode, boolean level, int vector) {
    long address =
        0xfee00000L
            | (destination & 0xffL) << 12
            | (hint ? 1L << 3 : 0)
            | (logical ? 1L << 2 : 0)
            | (destination & 0xffffff00L) << 32;
    int data = vector | deliveryMode << 8 | (level ? 3 << 14 : 0);
    return new InterruptMessage(address, data);
  }
}
