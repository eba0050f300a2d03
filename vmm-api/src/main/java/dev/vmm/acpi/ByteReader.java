package dev.vmm.acpi;

import dev.vmm.VmmException;
import java.util.Arrays;

/**
 * Bounded little-endian reading of hostile bytes: every access is checked, and a bad one is an
 * EINVAL that names the table and the offset in it.
 *
 * <p>Immutable and thread-safe; {@link #slice} keeps counting offsets from the table's start.
 */
public final class ByteReader {
  private final byte[] bytes;
  private final int start;
  private final int end;
  private final String name;

  /** Reads all of {@code bytes}; {@code name} begins every message. */
  public ByteReader(byte[] bytes, String name) {
    this(bytes, 0, bytes.length, name);
  }

  private ByteReader(byte[] bytes, int start, int end, String name) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
    this.name = name;
  }

  /** Returns what is read, as messages call it. */
  public String name() {
    return name;
  }

  /** Returns the number of bytes that can be read. */
  public int lengthBytes() {
    return end - start;
  }

  /** Returns the offset in the table of this reader's offset {@code offset}. */
  public int tableOffset(int offset) {
    return start + offset;
  }

  /** Reads 8 bits, unsigned. */
  public int u8(int offset) {
    return bytes[check(offset, 1)] & 0xff;
  }

  /** Reads 16 bits, unsigned. */
  public int u16(int offset) {
    return (int) number(offset, 2);
  }

  /** Reads 32 bits, unsigned. */
  public long u32(int offset) {
    return number(offset, 4);
  }

  /** Reads 64 bits. */
  public long u64(int offset) {
    return number(offset, 8);
  }

  /** Returns a copy of {@code length} bytes. */
  public byte[] bytes(int offset, int length) {
    int from = check(offset, length);
    return Arrays.copyOfRange(bytes, from, from + length);
  }

  /** Returns a reader of {@code length} bytes from {@code offset}. */
  public ByteReader slice(int offset, int length) {
    int from = check(offset, length);
    return new ByteReader(bytes, from, from + length, name);
  }

  private long number(int offset, int width) {
    int from = check(offset, width);
    long value = 0;
    for (int i = width - 1; i >= 0; i--) {
      value = (value << 8) | (bytes[from + i] & 0xff);
    }
    return value;
  }

  private int check(int offset, int length) {
    if (offset < 0 || length < 0 || length > end - start || offset > end - start - length) {
      throw VmmException.invalid(
          "%s ends at offset 0x%x: expected %d more bytes at offset 0x%x; the table is truncated or damaged",
          name, end, length, start + (long) offset);
    }
    return start + offset;
  }
}
