package dev.vmm.machine;

/**
 * A device's DMA engine as a driver in the guest drives it: a buffer inside the device, and copies
 * between it and memory.
 *
 * <p>Not thread-safe: one driver, one thread.
 */
public interface DmaEngine {
  /** Returns the size in bytes of the device's buffer. */
  int bufferBytes();

  /**
   * Has the device read {@code lengthBytes} of memory at {@code iova} into its buffer; returns when
   * the device says that it is done. A DMA that a unit blocks is done as well: only memory and the
   * unit's faults tell the difference.
   *
   * @throws dev.vmm.VmmException EINVAL if the range leaves the buffer; ETIMEDOUT if the device
   *     does not finish
   */
  void fromMemory(long iova, int bufferOffset, int lengthBytes);

  /**
   * Has the device write part of its buffer to memory at {@code iova}; as {@link #fromMemory} in
   * all else.
   */
  void toMemory(int bufferOffset, long iova, int lengthBytes);
}
