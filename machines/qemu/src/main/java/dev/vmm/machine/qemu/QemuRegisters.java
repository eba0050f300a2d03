package dev.vmm.machine.qemu;

import dev.vmm.AddressRange;
import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;

/** Registers, one round trip an access. */
final class QemuRegisters implements RegisterBlock {
  private final QtestClient qtest;
  private final AddressRange range;

  QemuRegisters(QtestClient qtest, AddressRange range) {
    this.qtest = qtest;
    this.range = range;
  }

  @Override
  public long baseHpa() {
    return range.start();
  }

  @Override
  public long lengthBytes() {
    return range.lengthBytes();
  }

  @Override
  public long read(long offset, int widthBytes) {
    return qtest.read(check(offset, widthBytes), widthBytes);
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    qtest.write(check(offset, widthBytes), widthBytes, value);
  }

  private long check(long offset, int widthBytes) {
    if (widthBytes < 1 || widthBytes > 8 || Integer.bitCount(widthBytes) != 1) {
      throw VmmException.invalid(
          "register access of %d bytes at 0x%x: expected a width of 1, 2, 4 or 8",
          widthBytes, range.start() + offset);
    }
    if (offset < 0
        || (offset & (widthBytes - 1)) != 0
        || Long.compareUnsigned(widthBytes, range.lengthBytes()) > 0
        || Long.compareUnsigned(offset, range.lengthBytes() - widthBytes) > 0) {
      throw VmmException.invalid(
          "register access of %d bytes at offset 0x%x of %s: expected a multiple of the width inside the block",
          widthBytes, offset, range);
    }
    return range.start() + offset;
  }
}
