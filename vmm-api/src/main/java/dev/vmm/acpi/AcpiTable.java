package dev.vmm.acpi;

import dev.vmm.VmmException;
import dev.vmm.bits.Hex;

/**
 * One system description table: a checked header and the bytes.
 *
 * <p>Source: ACPI 6.5, "System Description Table Header". Immutable and thread-safe.
 */
public final class AcpiTable {
  /** The length of the header in bytes. */
  public static final int HEADER_BYTES = 36;

  private final byte[] bytes;
  private final String origin;
  private final String signature;

  private AcpiTable(byte[] bytes, String origin) {
    this.bytes = bytes;
    this.origin = origin;
    this.signature = text(0, 4);
  }

  /**
   * Takes a table from the beginning of {@code image}; bytes past the header's Length are left out.
   *
   * @param origin where it comes from, for messages: a file, or {@code memory at 0x...}
   * @throws VmmException EINVAL if the image is shorter than a header or than the header's Length
   */
  public static AcpiTable of(byte[] image, String origin) {
    if (image.length < HEADER_BYTES) {
      throw VmmException.invalid(
          "ACPI table (%s) is %d bytes long: expected a header of at least %d bytes",
          origin, image.length, HEADER_BYTES);
    }
    long length = new ByteReader(image, origin).u32(4);
    if (length < HEADER_BYTES || length > image.length) {
      throw VmmException.invalid(
          "ACPI table (%s) says at offset 0x4 that it is %d bytes long: expected %d to %d, the bytes that are there",
          origin, length, HEADER_BYTES, image.length);
    }
    return new AcpiTable(java.util.Arrays.copyOf(image, (int) length), origin);
  }

  /**
   * Returns the four characters of the signature; a byte that is not printable ASCII appears as
   * {@code ?}.
   */
  public String signature() {
    return signature;
  }

  /** Returns where the table comes from. */
  public String origin() {
    return origin;
  }

  /** Returns the length in bytes. */
  public int lengthBytes() {
    return bytes.length;
  }

  /** Returns the revision. */
  public int revision() {
    return bytes[8] & 0xff;
  }

  /** Returns the OEM id without trailing blanks. */
  public String oemId() {
    return text(10, 6);
  }

  /** Returns the OEM table id without trailing blanks. */
  public String oemTableId() {
    return text(16, 8);
  }

  /** Returns the OEM revision. */
  public long oemRevision() {
    return reader().u32(24);
  }

  /** Returns the creator's id without trailing blanks. */
  public String creatorId() {
    return text(28, 4);
  }

  /** Returns the creator's revision. */
  public long creatorRevision() {
    return reader().u32(32);
  }

  /** Says whether all bytes add up to 0, as they must. */
  public boolean checksumValid() {
    int sum = 0;
    for (byte b : bytes) {
      sum += b;
    }
    return (sum & 0xff) == 0;
  }

  /** Returns a bounded reader over the whole table, header included. */
  public ByteReader reader() {
    return new ByteReader(bytes, signature + " (" + origin + ")");
  }

  /** Returns a copy of the bytes. */
  public byte[] toBytes() {
    return bytes.clone();
  }

  private String text(int offset, int length) {
    byte[] raw = java.util.Arrays.copyOfRange(bytes, offset, offset + length);
    for (int i = 0; i < raw.length; i++) {
      if (raw[i] == 0) {
        raw[i] = ' ';
      } else if (raw[i] < 0x20 || raw[i] > 0x7e) {
        raw[i] = '?';
      }
    }
    return Hex.latin(raw).stripTrailing();
  }

  @Override
  public String toString() {
    return signature + " of " + bytes.length + " bytes (" + origin + ")";
  }
}
