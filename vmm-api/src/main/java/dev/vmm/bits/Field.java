package dev.vmm.bits;

/**
 * A field of a word by the absolute bit numbers that the book gives.
 *
 * <p>Immutable and thread-safe. All values are unsigned and right-aligned.
 *
 * @param name the book's mnemonic, letter for letter
 * @param high the highest bit, 63 at most, inclusive
 * @param low the lowest bit, at least 0, inclusive
 * @param access how software may access it
 */
public record Field(String name, int high, int low, AccessKind access) {
  /** Checks {@code 0 <= low <= high <= 63}. */
  public Field {
    if (low < 0 || high < low || high > 63) {
      throw new IllegalArgumentException("field " + name + " has bits " + high + ":" + low);
    }
  }

  /** Returns the number of bits. */
  public int width() {
    return high - low + 1;
  }

  /** Returns the field's bits in place, all others 0. */
  public long mask() {
    return (-1L >>> (64 - width())) << low;
  }

  /** Returns the largest value, unsigned. */
  public long max() {
    return -1L >>> (64 - width());
  }

  /** Returns the field's value in {@code word}. */
  public long get(long word) {
    return (word >>> low) & max();
  }

  /** Says whether any bit of the field is set in {@code word}. */
  public boolean isSet(long word) {
    return (word & mask()) != 0;
  }

  /**
   * Returns {@code word} with the field replaced.
   *
   * @throws IllegalArgumentException if {@code value} has bits that the field lacks
   */
  public long set(long word, long value) {
    if ((value & ~max()) != 0) {
      throw new IllegalArgumentException(
          String.format("0x%x does not fit field %s, bits %d:%d", value, name, high, low));
    }
    return (word & ~mask()) | (value << low);
  }
}
