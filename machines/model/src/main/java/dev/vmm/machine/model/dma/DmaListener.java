package dev.vmm.machine.model.dma;

/**
 * Sees each access of a DMA before memory changes. Called by the thread that makes the DMA, several
 * at once; while it runs, no invalidation and no reset completes. It must not access config space
 * or a unit's registers.
 */
@FunctionalInterface
public interface DmaListener {
  /** Tells about one access. */
  void reached(DmaAccess access);
}
