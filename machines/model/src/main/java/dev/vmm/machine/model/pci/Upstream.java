package dev.vmm.machine.model.pci;

import dev.vmm.pci.Rid;
import java.util.function.BooleanSupplier;

/** The way of a DMA from a function to the rest of the machine. Thread-safe. */
public interface Upstream {
  /**
   * Makes a DMA.
   *
   * @param sender the function that makes it
   * @param rid the requester id that it sends: its own or a phantom one
   * @param iova the first address
   * @param data the bytes that are written, or room for those that are read
   * @param offset the first byte in {@code data}
   * @param length how many bytes, at least 1
   * @param write whether it writes memory
   * @param allowed asked again before each page: whether the function may still send
   * @return whether all of it got there
   */
  boolean dma(
      ModelFunction sender,
      Rid rid,
      long iova,
      byte[] data,
      int offset,
      int length,
      boolean write,
      BooleanSupplier allowed);

  /** Waits until every access that was decided before this call has reached its target. */
  void drain();
}
