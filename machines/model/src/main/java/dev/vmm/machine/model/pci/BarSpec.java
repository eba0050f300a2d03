package dev.vmm.machine.model.pci;

import dev.vmm.VmmException;

/**
 * A base address register that a function implements.
 *
 * @param index 0 to 5; one of 64 bits takes the next register too
 * @param wide whether it has 64 bits
 * @param prefetchable whether reads have no side effects
 * @param lengthBytes a power of two, at least 16
 */
record BarSpec(int index, boolean wide, boolean prefetchable, long lengthBytes) {
  BarSpec {
    if (index < 0
        || index > (wide ? 4 : 5)
        || lengthBytes < 16
        || Long.bitCount(lengthBytes) != 1
        || (!wide && lengthBytes > 1L << 31)) {
      throw VmmException.invalid(
          "BAR%d of %d bits cannot have 0x%x bytes", index, wide ? 64 : 32, lengthBytes);
    }
  }

  private int flags() {
    return (wide ? 4 : 0) | (prefetchable ? 8 : 0);
  }

  /** Makes the registers, of which BAR0 is at {@code first}. */
  void install(ConfigBytes config, int first) {
    int at = first + 4 * index;
    config.define(at, 4, flags());
    config.writable(at, 4, (int) -lengthBytes & ~0xf);
    if (wide) {
      config.writable(at + 4, 4, (int) (-lengthBytes >>> 32));
    }
  }

  /** Returns the address in the registers, of which BAR0 is at {@code first}. */
  long base(ConfigBytes config, int first) {
    int at = first + 4 * index;
    long low = Integer.toUnsignedLong(config.read(at, 4) & ~0xf);
    return wide ? (long) config.read(at + 4, 4) << 32 | low : low;
  }

  /** Puts an address into the registers, as firmware does. */
  void assign(ConfigBytes config, int first, long base) {
    int at = first + 4 * index;
    config.write(at, 4, (int) base);
    if (wide) {
      config.write(at + 4, 4, (int) (base >>> 32));
    }
  }
}
