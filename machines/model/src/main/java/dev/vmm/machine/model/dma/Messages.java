package dev.vmm.machine.model.dma;

/** Takes message-signalled interrupts: writes of 32 bits that reach the interrupt controller. */
@FunctionalInterface
public interface Messages {
  /** Delivers a message. */
  void deliver(long address, int data);
}
