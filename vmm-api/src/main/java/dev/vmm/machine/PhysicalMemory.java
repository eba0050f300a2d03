package dev.vmm.machine;

import dev.vmm.AddressRange;
import java.util.List;

/**
 * The physical memory of a machine, by host-physical address (hpa).
 *
 * <p>Words are 64-bit and little-endian. Unless a method says more, accesses are plain: one access
 * of the stated width (never torn), not ordered with others. Thread-safe in that sense.
 *
 * <p>Every access outside RAM fails with EINVAL that names the address.
 */
public interface PhysicalMemory {
  /** The unit of allocation in bytes. */
  long PAGE_BYTES = 4096;

  /**
   * Returns the ranges that are RAM, sorted and disjoint, the firmware's tables and free memory
   * included.
   */
  List<AddressRange> ram();

  /** Reads a word; {@code hpa} is a multiple of 8. */
  long read64(long hpa);

  /**
   * Reads {@code count} words from {@code hpa} up into the first of {@code words}, each by one
   * load, in no particular order. The run must not leave the RAM range it begins in.
   */
  default void read64(long hpa, long[] words, int count) {
    for (int i = 0; i < count; i++) {
      words[i] = read64(hpa + 8L * i);
    }
  }

  /** Writes a word by one store; {@code hpa} is a multiple of 8. */
  void write64(long hpa, long value);

  /** Writes a word after every store that this thread made before it. */
  void writeRelease64(long hpa, long value);

  /** Reads a word before every load that this thread makes after it. */
  long readAcquire64(long hpa);

  /**
   * Replaces a word by {@code value} if it is {@code expected}, atomically with regard to this
   * JVM's threads.
   */
  boolean compareAndSet64(long hpa, long expected, long value);

  /**
   * Writes {@code count} words from {@code hpa} up: {@code first}, {@code first + step}, {@code
   * first + 2 * step}... Each is one 64-bit store. The run must not leave the RAM range it begins
   * in.
   */
  void fill64(long hpa, int count, long first, long step);

  /**
   * Returns the index of the first of {@code count} words from {@code hpa} up that has any bit of
   * {@code mask} set, or {@code count} if none has.
   */
  int find64(long hpa, int count, long mask);

  /**
   * Reads 1, 2, 4 or 8 bytes as an unsigned number; {@code hpa} is a multiple of {@code
   * widthBytes}.
   */
  long read(long hpa, int widthBytes);

  /**
   * Writes the low 1, 2, 4 or 8 bytes of {@code value} by one store; {@code hpa} is a multiple of
   * {@code widthBytes}.
   */
  void write(long hpa, int widthBytes, long value);

  /** Copies bytes out of memory, in no particular order. */
  void readBytes(long hpa, byte[] target, int offset, int length);

  /** Copies bytes into memory, in no particular order. */
  void writeBytes(long hpa, byte[] source, int offset, int length);

  /**
   * Takes a run of free pages, contiguous and zeroed.
   *
   * @param lengthBytes a positive multiple of {@link #PAGE_BYTES}
   * @param alignmentBytes a power of two, at least {@link #PAGE_BYTES}
   * @return the hpa of the first page
   * @throws dev.vmm.VmmException ENOMEM if no such run is free, EINVAL on a bad length or alignment
   */
  long allocate(long lengthBytes, long alignmentBytes);

  /** Takes one zeroed page. */
  default long allocatePage() {
    return allocate(PAGE_BYTES, PAGE_BYTES);
  }

  /**
   * Gives back a whole run that {@link #allocate} returned.
   *
   * @throws dev.vmm.VmmException EINVAL if it is not such a run
   */
  void free(long hpa, long lengthBytes);

  /** Returns the bytes that are allocated at present: what a leak test compares. */
  long allocatedBytes();

  /**
   * Writes the CPU's caches of this range back, for a unit that does not snoop them. Returns when
   * that is done.
   */
  void flushCache(long hpa, long lengthBytes);
}
