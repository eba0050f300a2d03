package dev.vmm.machine.model.memory;

/**
 * When a unit sees what the processor stored. DMA of devices and a unit's own writes always snoop.
 *
 * @param snooped whether a unit's reads of tables snoop the processor's caches; if not, a store is
 *     seen only after {@link ModelMemory#flushCache}
 * @param writeBuffered whether a chipset buffer stands between the caches and a unit: what got past
 *     the caches is seen only after {@link ModelMemory#drainWriteBuffer}
 */
public record Visibility(boolean snooped, boolean writeBuffered) {
  /** Every store is seen at once. */
  public static final Visibility COHERENT = new Visibility(true, false);

  /** A store is seen once its cache line was flushed. */
  public static final Visibility NON_COHERENT = new Visibility(false, false);

  boolean immediate() {
    return snooped && !writeBuffered;
  }
}
