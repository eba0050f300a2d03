package dev.vmm.machine.model.dma;

/** Registers of the hardware, from the hardware's side. Thread-safe. */
public interface Mmio {
  /**
   * Answers a read.
   *
   * @param offset in bytes from the first register, a multiple of {@code widthBytes}
   * @param widthBytes 1, 2, 4 or 8
   * @return the value, unsigned; all ones if nothing is there
   */
  long read(long offset, int widthBytes);

  /** Takes a write of the low {@code widthBytes} bytes of {@code value}. */
  void write(long offset, int widthBytes, long value);
}
