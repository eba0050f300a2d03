package dev.vmm.machine.model.memory;

/**
 * Is told of the processor's stores to a page. Called by the thread that stores, after the store.
 */
@FunctionalInterface
public interface StoreWatcher {
  /**
   * A word was stored to.
   *
   * @param hpa the word's address, a multiple of 8
   * @param before what it held
   * @param after what it holds
   * @param widthBytes the width of the store: 8, or less for a part of a word; 0 for a bulk copy,
   *     which has no order
   */
  void stored(long hpa, long before, long after, int widthBytes);
}
