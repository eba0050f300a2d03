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
    int at = check(offset, 2);
    return (bytes[at] & 0xff) | (bytes[at + 1] & 0xff) << 8;
  }

  /** Reads 32 bits, unsigned. */
  public long u32(int offset) {
    return int32(check(offset, 4)) & 0xffff_ffffL;
  }

  /** Reads 64 bits. */
  public long u64(int offset) {
    int at = check(offset, 8);
    return (int32(at) & 0xffff_ffffL) | (long) int32(at + 4) << 32;
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

  /** Says whether bytes are all 0. */
  public boolean isZero(int offset, int length) {
    int from = check(offset, length);
    for (int i = from; i < from + length; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private int int32(int at) {
    return (bytes[at] & 0xff)
        | (bytes[at + 1] & 0xff) << 8
        | (bytes[at + 2] & 0xff) << 16
        | bytes[at + 3] << 24;
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
