package dev.vmm.iommu.intel.structs;

import dev.vmm.iommu.MsiMessage;

/**
 * A message that names an entry of the interrupt-remapping table: address bits 19:5 are handle bits
 * 14:0, bit 4 is set for this format, bit 3 (SHV) says that the data is added to the handle, bit 2
 * is handle bit 15.
 *
 * <p>Source: VT-d r4.1, "Interrupt Requests in Remappable Format". Stateless.
 */
public final class RemappableMessage {
  private static final long WINDOW = 0xfee00000L;
  private static final long REMAPPABLE = 1L << 4;
  private static final long SHV = 1L << 3;

  private RemappableMessage() {}

  /**
   * Returns the message of an entry, as one of several that differ in the data.
   *
   * @param handle the entry of the first of them, 0 to 0xffff
   * @param subhandle how many entries after it
   */
  public static MsiMessage of(int handle, int subhandle) {
    return new MsiMessage(address(handle) | SHV, subhandle);
  }

  /** Returns the address that names an entry by its handle alone. */
  public static long address(int handle) {
    return WINDOW | (handle & 0x7fffL) << 5 | REMAPPABLE | (handle >>> 15 & 1L) << 2;
  }
}
