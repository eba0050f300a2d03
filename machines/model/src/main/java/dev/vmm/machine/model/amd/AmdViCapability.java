package dev.vmm.machine.model.amd;

/**
 * The capability block of the unit's PCI function. Source: 48882 rev 3, "IOMMU PCI Resources",
 * "Capability Block Registers".
 *
 * <p>Offsets are in bytes from the capability's header. Thread-safe.
 */
public final class AmdViCapability {
  /** The capability id: secure device. */
  public static final int ID = 0x0f;

  /** The length in bytes. */
  public static final int LENGTH_BYTES = 0x18;

  private static final int BASE_LOW = 0x04;
  private static final int BASE_HIGH = 0x08;
  private static final int RANGE = 0x0c;
  private static final int MISC0 = 0x10;

  private static final int ENABLE = 1;
  private static final int BASE_LOW_BITS = 0xffffc000;

  private final int header;
  private final int misc0;
  private int baseLow;
  private int baseHigh;

  /** Firmware has set the base and locked it. */
  AmdViCapability(AmdViConfig config) {
    // CapType 011b, CapRev 00001b, EFRSup, CapExt.
    this.header =
        ID
            | (0b011 << 16)
            | (0b00001 << 19)
            | (config.deviceTlbs() ? 1 << 24 : 0)
            | (config.notPresentCached() ? 1 << 26 : 0)
            | (config.extendedFeatureRegister() ? 1 << 27 : 0)
            | (1 << 28);
    // VASize 64 bits, PASize, GVASize 48 bits.
    this.misc0 = (0b1000000 << 15) | (config.physicalBits() << 8) | (0b010 << 5);
    this.baseLow = ((int) config.registerBase() & BASE_LOW_BITS) | ENABLE;
    this.baseHigh = (int) (config.registerBase() >>> 32);
  }

  /** Returns where the registers are. */
  public synchronized long base() {
    return ((long) baseHigh << 32) | Integer.toUnsignedLong(baseLow & BASE_LOW_BITS);
  }

  /** Says whether the registers answer, which locks the base. */
  public synchronized boolean enabled() {
    return (baseLow & ENABLE) != 0;
  }

  /** Takes power away and gives it again: the base is open, and nothing answers. */
  synchronized void reset() {
    baseLow = 0;
    baseHigh = 0;
  }

  /**
   * Reads 1, 2 or 4 bytes, as an unsigned number. The pointer to the next capability, at offset 1,
   * reads 0: whoever hosts the block knows it.
   */
  public synchronized int read(int offset, int widthBytes) {
    int shifted = word(offset & ~3) >>> (8 * (offset & 3));
    return widthBytes == 4 ? shifted : shifted & ((1 << (8 * widthBytes)) - 1);
  }

  /** Writes 1, 2 or 4 bytes: only the base can be written, until it is enabled. */
  public synchronized void write(int offset, int widthBytes, int value) {
    if (enabled()) {
      return;
    }
    int shift = 8 * (offset & 3);
    int mask = (widthBytes == 4 ? -1 : (1 << (8 * widthBytes)) - 1) << shift;
    int merged = (word(offset & ~3) & ~mask) | ((value << shift) & mask);
    switch (offset & ~3) {
      case BASE_LOW -> baseLow = merged & (BASE_LOW_BITS | ENABLE);
      case BASE_HIGH -> baseHigh = merged;
      default -> {}
    }
  }

  private int word(int offset) {
    return switch (offset) {
      case 0 -> header;
      case BASE_LOW -> baseLow;
      case BASE_HIGH -> baseHigh;
      // RngValid is 0: what the unit serves is in the firmware's table. MsiNum fields are 0.
      case RANGE -> 0;
      case MISC0 -> misc0;
      default -> 0;
    };
  }
}
