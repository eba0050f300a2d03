package dev.vmm.tck;

import dev.vmm.pci.Rid;

/**
 * Has a device make a DMA of one 64-bit word, whoever owns it and whatever its command register
 * says. Not thread-safe.
 */
public interface DmaPort {
  /** What became of a DMA. */
  enum Outcome {
    /** It was done. */
    DONE,
    /** A unit blocked it. */
    BLOCKED,
    /** The device does not tell: only memory does. */
    UNTOLD
  }

  /**
   * A word that a DMA moved.
   *
   * @param word the word that was sent or received; of no meaning if the DMA was blocked or not
   *     made
   * @param outcome what became of it
   */
  record Transfer(long word, Outcome outcome) {}

  /**
   * Says whether a DMA costs about a microsecond and tells its outcome, so that tests may make
   * thousands. A port that is not direct drives a device's engine, at a tenth of a second each.
   */
  boolean direct();

  /**
   * Has the function write a word that differs from those before; memory tells the effect.
   *
   * @param iova a multiple of 8
   */
  Transfer write(Rid rid, long iova);

  /**
   * Has the function read a word. A port that is not {@link #direct} makes no DMA and answers
   * {@link Outcome#UNTOLD}.
   *
   * @param iova a multiple of 8
   */
  Transfer read(Rid rid, long iova);
}
