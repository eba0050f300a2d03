package dev.vmm.machine;

/**
 * Memory-mapped registers.
 *
 * <p>Each call is exactly one access of the stated width, in program order with all others of this
 * thread. Offsets are in bytes from the block's base and multiples of the width; one outside the
 * block is EINVAL. Thread-safe.
 */
public interface RegisterBlock {
  /** Returns the physical address of offset 0. */
  long baseHpa();

  /** Returns the length in bytes. */
  long lengthBytes();

  /** Reads 1, 2, 4 or 8 bytes as an unsigned number, by one access of that width. */
  long read(long offset, int widthBytes);

  /** Writes the low 1, 2, 4 or 8 bytes of {@code value}, by one access of that width. */
  void write(long offset, int widthBytes, long value);

  /** Reads 32 bits. */
  default int read32(long offset) {
    return (int) read(offset, 4);
  }

  /** Reads 64 bits. */
  default long read64(long offset) {
    return read(offset, 8);
  }

  /** Writes 32 bits. */
  default void write32(long offset, int value) {
    write(offset, 4, Integer.toUnsignedLong(value));
  }

  /** Writes 64 bits. */
  default void write64(long offset, long value) {
    write(offset, 8, value);
  }
}
