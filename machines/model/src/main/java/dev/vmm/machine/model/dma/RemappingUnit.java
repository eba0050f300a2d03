package dev.vmm.machine.model.dma;

import dev.vmm.AddressRange;
import dev.vmm.pci.Rid;
import org.jspecify.annotations.Nullable;

/**
 * A remapping unit as the rest of the machine sees it: registers, and a translation of each DMA.
 *
 * <p>Thread-safe: registers and DMAs come from several threads at once.
 */
public interface RemappingUnit extends Mmio {
  /** What {@link #translate} returns for a DMA that goes nowhere. */
  long BLOCKED = -1;

  /** Returns the name in violations and traces, such as {@code vtd0}. */
  String name();

  /** Returns where its registers are. */
  AddressRange registers();

  /**
   * Translates one DMA, which stays inside a page of 4 KiB, and records a fault if it may not be. A
   * write to 0xfeexxxxx is an interrupt: it comes back as it is if it may pass.
   *
   * @param rid the requester id that the DMA carries when it gets here
   * @param iova the address on the bus
   * @param write whether it writes memory
   * @return the hpa, or {@link #BLOCKED}
   */
  long translate(Rid rid, long iova, boolean write);

  /**
   * Decides on an interrupt: a write of 32 bits to 0xfeexxxxx, which a function sent as MSI or by
   * any other DMA. Records a fault if it may not be.
   *
   * @param rid the requester id that it carries when it gets here
   * @return what goes on to the interrupt controllers, or null if it is blocked
   */
  default @Nullable InterruptMessage interrupt(Rid rid, long address, int data) {
    return translate(rid, address, true) == BLOCKED ? null : new InterruptMessage(address, data);
  }

  /** Cuts the power: registers read all ones, no DMA gets past it, all state is lost. */
  default void losePower() {}

  /** Gives the power back: the unit is as after power-on. */
  default void reset() {}
}
