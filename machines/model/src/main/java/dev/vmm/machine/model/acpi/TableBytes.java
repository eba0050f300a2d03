package dev.vmm.machine.model.acpi;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Bytes that grow at their end, numbers little-endian. Not thread-safe. */
final class TableBytes {
  private byte[] bytes = new byte[64];
  private int length;

  TableBytes u8(int value) {
    return number(value, 1);
  }

  TableBytes u16(int value) {
    return number(value, 2);
  }

  TableBytes u32(long value) {
    return number(value, 4);
  }

  TableBytes u64(long value) {
    return number(value, 8);
  }

  TableBytes zeros(int count) {
    reserve(count);
    length += count;
    return this;
  }

  TableBytes append(byte[] more) {
    reserve(more.length);
    System.arraycopy(more, 0, bytes, length, more.length);
    length += more.length;
    return this;
  }

  /** Appends exactly {@code width} characters, cut or filled up with {@code fill}. */
  TableBytes text(String text, int width, char fill) {
    byte[] ascii = text.getBytes(StandardCharsets.US_ASCII);
    byte[] field = new byte[width];
    Arrays.fill(field, (byte) fill);
    System.arraycopy(ascii, 0, field, 0, Math.min(width, ascii.length));
    return append(field);
  }

  byte[] toBytes() {
    return Arrays.copyOf(bytes, length);
  }

  /** Puts a number into bytes that are there already. */
  static void put(byte[] target, int offset, long value, int width) {
    for (int i = 0; i < width; i++) {
      target[offset + i] = (byte) (value >>> (8 * i));
    }
  }

  /** Returns the byte that makes all of these add up to 0 when it replaces a 0 among them. */
  static byte checksum(byte[] bytes, int from, int to) {
    int sum = 0;
    for (int i = from; i < to; i++) {
      sum += bytes[i];
    }
    return (byte) -sum;
  }

  private TableBytes number(long value, int width) {
    reserve(width);
    put(bytes, length, value, width);
    length += width;
    return this;
  }

  private void reserve(int count) {
    if (length + count > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(bytes.length * 2, length + count));
    }
  }
}
