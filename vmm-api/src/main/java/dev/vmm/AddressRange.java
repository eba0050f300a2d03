package dev.vmm;

/**
 * A run of addresses, of any address space: {@code [start, start + lengthBytes)}. Addresses are
 * unsigned 64-bit.
 *
 * <p>Immutable and thread-safe.
 *
 * @param start the first address
 * @param lengthBytes the length in bytes, at least 1; the range may end at 2^64 but not wrap past
 *     it
 */
public record AddressRange(long start, long lengthBytes) implements Comparable<AddressRange> {
  /** Checks that the range is not empty and does not wrap (EINVAL). */
  public AddressRange {
    if (lengthBytes == 0 || (start != 0 && Long.compareUnsigned(lengthBytes, -start) > 0)) {
      throw VmmException.invalid(
          "address range of 0x%x bytes at 0x%x is empty or wraps past 2^64: give a length of at least 1 byte that ends by 2^64",
          lengthBytes, start);
    }
  }

  /** Returns the range from {@code start} to {@code end}, exclusive. */
  public static AddressRange between(long start, long end) {
    return new AddressRange(start, end - start);
  }

  /** Returns the address after the last one; 0 if the range ends at 2^64. */
  public long end() {
    return start + lengthBytes;
  }

  /** Returns the last address, inclusive. */
  public long last() {
    return start + lengthBytes - 1;
  }

  /** Says whether {@code address} lies inside. */
  public boolean contains(long address) {
    return Long.compareUnsigned(address - start, lengthBytes) < 0;
  }

  /** Says whether all of {@code other} lies inside. */
  public boolean contains(AddressRange other) {
    return contains(other.start) && Long.compareUnsigned(other.last() - start, lengthBytes) < 0;
  }

  /** Says whether the two share an address. */
  public boolean overlaps(AddressRange other) {
    return contains(other.start) || other.contains(start);
  }

  /** Orders by start, then by length, both unsigned. */
  @Override
  public int compareTo(AddressRange other) {
    int byStart = Long.compareUnsigned(start, other.start);
    return byStart != 0 ? byStart : Long.compareUnsigned(lengthBytes, other.lengthBytes);
  }

  /** Returns {@code 0xSTART-0xLAST}, the last address inclusive. */
  @Override
  public String toString() {
    return Message.format("0x%x-0x%x", start, last());
  }
}
