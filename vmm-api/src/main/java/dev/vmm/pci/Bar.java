package dev.vmm.pci;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;

/**
 * A base address register that a function implements: a window of its registers in the machine's
 * memory or I/O space.
 *
 * <p>Source: PCI Express Base 5.0, "Base Address Registers". Immutable and thread-safe.
 *
 * @param index the register that it begins in, 0 to 5; one of 64 bits takes the next one too
 * @param kind the address space and width
 * @param prefetchable whether reads have no side effects; false for I/O
 * @param base the first address that firmware gave it; 0 means that it was given none
 * @param lengthBytes the length in bytes, a power of two
 */
public record Bar(int index, Kind kind, boolean prefetchable, long base, long lengthBytes) {
  /** Address space and width of a base address register. */
  public enum Kind {
    /** Memory below 4 GiB. */
    MEMORY_32,
    /** Memory anywhere. */
    MEMORY_64,
    /** I/O ports. */
    IO
  }

  /** Checks the ranges (EINVAL). */
  public Bar {
    if (index < 0
        || index > 5
        || Long.bitCount(lengthBytes) != 1
        || (base & (lengthBytes - 1)) != 0) {
      throw VmmException.invalid(
          "BAR%d cannot have 0x%x bytes at 0x%x: expected index 0 to 5, a power of two, an aligned base",
          index, lengthBytes, base);
    }
  }

  /** Says whether it is in memory space. */
  public boolean isMemory() {
    return kind != Kind.IO;
  }

  /** Says whether firmware gave it an address. */
  public boolean isAssigned() {
    return base != 0;
  }

  /** Returns its addresses, in the space of its kind. */
  public AddressRange range() {
    return new AddressRange(base, lengthBytes);
  }

  /** Returns {@code BAR0 MEMORY_64 0xfe000000-0xfe003fff prefetchable}. */
  @Override
  public String toString() {
    return "BAR" + index + " " + kind + " " + range() + (prefetchable ? " prefetchable" : "");
  }
}
