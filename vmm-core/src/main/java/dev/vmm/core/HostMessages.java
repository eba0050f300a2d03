package dev.vmm.core;

import dev.vmm.iommu.MsiMessage;

/**
 * The way of a host function's messages to the processors, from {@link IommuService#hostMessages}.
 * Thread-safe.
 */
public interface HostMessages extends AutoCloseable {
  /**
   * Returns what the function is to write for the first message: what was asked for where messages
   * passed as they are when it was, else what names its entry. Each next one has data that is one
   * more.
   */
  MsiMessage first();

  /**
   * Ends the way: the function has its messages turned off. Does nothing the second time, and after
   * the function was claimed or the I/O MMU closed.
   *
   * @throws dev.vmm.VmmException EIO or ETIMEDOUT from the hardware; may be called again
   */
  @Override
  void close();
}
