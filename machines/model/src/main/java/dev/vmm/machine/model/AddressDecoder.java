package dev.vmm.machine.model;

import dev.vmm.machine.model.dma.Mmio;
import org.jspecify.annotations.Nullable;

/** Finds the registers that answer at a physical address at this moment. Thread-safe. */
@FunctionalInterface
interface AddressDecoder {
  /**
   * Registers that answer.
   *
   * @param registers the block
   * @param offset the address, from the block's first
   * @param name who they belong to, for the trace
   */
  record Target(Mmio registers, long offset, String name) {}

  /** Returns who answers an access of this width; null if nobody does. */
  @Nullable Target decode(long hpa, int widthBytes);
}
