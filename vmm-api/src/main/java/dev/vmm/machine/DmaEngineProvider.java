package dev.vmm.machine;

import dev.vmm.pci.PciFunction;

/**
 * A guest driver for a kind of device with a DMA engine, found with {@link
 * java.util.ServiceLoader}. Demonstrations and contract tests use it to make real DMA. Stateless
 * and thread-safe.
 */
public interface DmaEngineProvider {
  /** Says whether the driver is for this function. */
  boolean drives(PciFunction function);

  /** Returns the index of the BAR that holds the engine's registers, 0 to 5. */
  int registerBar();

  /**
   * Opens the engine.
   *
   * @param bus reaches the device's registers
   * @param registersGpa where the guest sees the BAR
   */
  DmaEngine open(GuestBus bus, long registersGpa);
}
