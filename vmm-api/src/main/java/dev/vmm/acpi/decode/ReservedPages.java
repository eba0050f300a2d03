package dev.vmm.acpi.decode;

import dev.vmm.AddressRange;
import java.util.Optional;

/** Memory that firmware reserves for devices, in the pages that a unit can map. */
public final class ReservedPages {
  private static final long PAGE = 4096;

  private ReservedPages() {}

  /**
   * Returns the pages of 4 KiB that a region touches; empty if its last address lies below its
   * first. Firmware should give whole pages, but not all of it does. Of a region over the whole
   * address space the last page is left out: no range is 2^64 bytes long.
   *
   * @param firstHpa its first address
   * @param lastHpa its last address, inclusive
   */
  public static Optional<AddressRange> of(long firstHpa, long lastHpa) {
    if (Long.compareUnsigned(lastHpa, firstHpa) < 0) {
      return Optional.empty();
    }
    long start = firstHpa & -PAGE;
    long lengthBytes = (lastHpa | (PAGE - 1)) - start + 1;
    return Optional.of(new AddressRange(start, lengthBytes == 0 ? -PAGE : lengthBytes));
  }
}
