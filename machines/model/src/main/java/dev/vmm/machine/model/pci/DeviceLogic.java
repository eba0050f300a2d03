package dev.vmm.machine.model.pci;

/**
 * What a function does behind its config space: registers in BARs, and an engine.
 *
 * <p>Called by several threads. {@link #reset} and {@link #stopped} are called with the lock of the
 * {@link ModelPci} held, so a device must never call its {@link ModelFunction} or the machine with
 * a lock of its own held that these two take as well.
 */
public interface DeviceLogic {
  /** A device that has nothing but a config space. */
  DeviceLogic NONE = new DeviceLogic() {};

  /** Tells the device, once and before anything else, which function it is behind. */
  default void attach(ModelFunction function) {}

  /**
   * Answers a read of a BAR that decodes.
   *
   * @param bar the BAR's index
   * @param offset in bytes from the BAR's first address, a multiple of {@code widthBytes}
   * @param widthBytes 1, 2, 4 or 8
   */
  default long read(int bar, long offset, int widthBytes) {
    return 0;
  }

  /** Takes a write to a BAR that decodes. */
  default void write(int bar, long offset, int widthBytes, long value) {}

  /** Puts the device into the state after power-on, and drops what it had begun. */
  default void reset() {}

  /** Tells the device that it may not start DMA any more: what it had begun is dropped. */
  default void stopped() {}

  /** Says whether DMA that was begun is not done yet: Transactions Pending. Takes no lock. */
  default boolean transactionsPending() {
    return false;
  }
}
