package dev.vmm.core;

import dev.vmm.machine.RegisterBlock;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** The four entries of an MSI-X table. */
final class FakeMsixTable implements RegisterBlock {
  private static final int BYTES = 64;

  final ByteBuffer bytes = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final long hpa;

  FakeMsixTable(long hpa) {
    this.hpa = hpa;
  }

  @Override
  public long baseHpa() {
    return hpa;
  }

  @Override
  public long lengthBytes() {
    return BYTES;
  }

  @Override
  public long read(long offset, int widthBytes) {
    return Integer.toUnsignedLong(bytes.getInt((int) offset));
  }

  @Override
  public void write(long offset, int widthBytes, long value) {
    bytes.putInt((int) offset, (int) value);
  }

  List<Integer> entry(int index) {
    return List.of(
        bytes.getInt(16 * index),
        bytes.getInt(16 * index + 4),
        bytes.getInt(16 * index + 8),
        bytes.getInt(16 * index + 12));
  }
}
