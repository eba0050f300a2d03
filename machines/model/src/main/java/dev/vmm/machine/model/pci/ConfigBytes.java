package dev.vmm.machine.model.pci;

/**
 * The 4096 bytes of a function's config space, each bit read-only, writable, or cleared by writing
 * 1 to it. A bit that nobody declared is read-only 0.
 *
 * <p>Guarded by the lock of the {@link ModelPci}.
 */
final class ConfigBytes {
  static final int BYTES = 4096;

  private final byte[] now = new byte[BYTES];
  private final byte[] initial = new byte[BYTES];
  private final byte[] writable = new byte[BYTES];
  private final byte[] clearable = new byte[BYTES];

  /** Reads as software does; never fails inside the 4096 bytes. */
  int read(int offset, int width) {
    int value = 0;
    for (int i = 0; i < width; i++) {
      value |= (now[offset + i] & 0xff) << (8 * i);
    }
    return value;
  }

  /** Writes as software does: only the bits that may change do. */
  void write(int offset, int width, int value) {
    for (int i = 0; i < width; i++) {
      int at = offset + i;
      int given = (value >>> (8 * i)) & 0xff;
      int kept = now[at] & ~writable[at];
      now[at] = (byte) ((kept | (given & writable[at])) & ~(given & clearable[at]));
    }
  }

  /** Changes registers as the hardware does; a reset undoes it. */
  void put(int offset, int width, int value) {
    for (int i = 0; i < width; i++) {
      now[offset + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Sets what registers hold after a reset, and now. */
  void define(int offset, int width, int value) {
    put(offset, width, value);
    for (int i = 0; i < width; i++) {
      initial[offset + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Makes exactly these bits of a register writable. */
  void writable(int offset, int width, int bits) {
    for (int i = 0; i < width; i++) {
      writable[offset + i] = (byte) (bits >>> (8 * i));
    }
  }

  /** Makes exactly these bits of a register such that writing 1 clears them. */
  void clearable(int offset, int width, int bits) {
    for (int i = 0; i < width; i++) {
      clearable[offset + i] = (byte) (bits >>> (8 * i));
    }
  }

  /** Sets every register to what it holds after a reset. */
  void reset() {
    System.arraycopy(initial, 0, now, 0, BYTES);
  }
}
