package dev.vmm.machine.model.pci;

/** One write by software to config space, as the hardware saw it. */
record ConfigWrite(int offset, int width, int value) {
  /** Says whether it wrote any of these bytes. */
  boolean touches(int from, int bytes) {
    return offset < from + bytes && from < offset + width;
  }

  /** Says whether it wrote 1 to this bit of the register at {@code register}. */
  boolean sets(int register, int bit) {
    int at = 8 * (register - offset) + bit;
    return at >= 0 && at < 8 * width && (value >>> at & 1) != 0;
  }
}
