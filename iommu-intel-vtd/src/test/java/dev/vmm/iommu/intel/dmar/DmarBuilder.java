package dev.vmm.iommu.intel.dmar;

import dev.vmm.acpi.AcpiTable;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/** Puts a DMAR table together; length and checksum come out right. */
public final class DmarBuilder {
  private final ByteArrayOutputStream structures = new ByteArrayOutputStream();
  private int hostAddressBits = 39;
  private int flags = 1;

  /** Sets the width of DMA physical addresses in bits; 39 if not called. */
  public DmarBuilder hostAddressBits(int bits) {
    hostAddressBits = bits;
    return this;
  }

  /** Sets the flags; INTR_REMAP alone if not called. */
  public DmarBuilder flags(int value) {
    flags = value;
    return this;
  }

  /** Adds a unit with one page of registers and these scopes. */
  public DmarBuilder drhd(boolean includeAll, int segment, long base, byte[]... scopes) {
    return drhd(includeAll ? 1 : 0, 0, segment, base, scopes);
  }

  /** Adds a unit by its raw fields. */
  public DmarBuilder drhd(int rawFlags, int size, int segment, long base, byte[]... scopes) {
    ByteBuffer fixed = fixed(12).put((byte) rawFlags).put((byte) size);
    return structure(0, fixed.putShort((short) segment).putLong(base), scopes);
  }

  /** Adds a reserved region, the limit inclusive. */
  public DmarBuilder rmrr(int segment, long base, long limit, byte[]... scopes) {
    ByteBuffer fixed = fixed(20).putShort((short) 0).putShort((short) segment);
    return structure(1, fixed.putLong(base).putLong(limit), scopes);
  }

  /** Adds root ports with ATS. */
  public DmarBuilder atsr(int rawFlags, int segment, byte[]... scopes) {
    return structure(
        2, fixed(4).put((byte) rawFlags).put((byte) 0).putShort((short) segment), scopes);
  }

  /** Adds a unit's affinity. */
  public DmarBuilder rhsa(long base, int proximityDomain) {
    return structure(3, fixed(16).putInt(0).putLong(base).putInt(proximityDomain));
  }

  /** Adds an ACPI device; the name gets a NUL. */
  public DmarBuilder andd(int number, String name) {
    byte[] text = name.getBytes(StandardCharsets.US_ASCII);
    ByteBuffer fixed = fixed(5 + text.length).put(new byte[3]).put((byte) number).put(text);
    return structure(4, fixed.put((byte) 0));
  }

  /** Adds SoC address translation caches. */
  public DmarBuilder satc(int rawFlags, int segment, byte[]... scopes) {
    return structure(
        5, fixed(4).put((byte) rawFlags).put((byte) 0).putShort((short) segment), scopes);
  }

  /** Adds SoC device properties. */
  public DmarBuilder sidp(int segment, byte[]... scopes) {
    return structure(6, fixed(4).putShort((short) 0).putShort((short) segment), scopes);
  }

  /** Adds bytes as they are, in hex with blanks. */
  public DmarBuilder raw(String hex) {
    structures.writeBytes(hex(hex));
    return this;
  }

  /** Returns the bytes of the table. */
  public byte[] bytes() {
    ByteBuffer table =
        ByteBuffer.allocate(48 + structures.size())
            .order(ByteOrder.LITTLE_ENDIAN)
            .put("DMAR".getBytes(StandardCharsets.US_ASCII))
            .putInt(48 + structures.size())
            .put((byte) 1)
            .put((byte) 0)
            .put("VMMTST".getBytes(StandardCharsets.US_ASCII))
            .put("TESTDMAR".getBytes(StandardCharsets.US_ASCII))
            .putInt(1)
            .put("TEST".getBytes(StandardCharsets.US_ASCII))
            .putInt(1)
            .put((byte) (hostAddressBits - 1))
            .put((byte) flags)
            .put(new byte[10])
            .put(structures.toByteArray());
    return seal(table.array());
  }

  /** Returns the table. */
  public AcpiTable build() {
    return AcpiTable.of(bytes(), "built");
  }

  /** Returns the table, decoded. */
  public DmarTable parse() {
    return DmarTable.parse(build());
  }

  /** Makes the checksum right, in place. */
  public static byte[] seal(byte[] table) {
    int sum = 0;
    for (byte b : table) {
      sum += b;
    }
    table[9] -= (byte) sum;
    return table;
  }

  /** Returns a scope that names a function: device and function of each hop. */
  public static byte[] endpoint(int bus, int... path) {
    return scope(1, 0, 0, bus, path);
  }

  /** Returns a scope that names a bridge and what is behind it. */
  public static byte[] bridge(int bus, int... path) {
    return scope(2, 0, 0, bus, path);
  }

  /** Returns a scope. */
  public static byte[] scope(int type, int flags, int enumerationId, int bus, int... path) {
    byte[] scope = new byte[6 + path.length];
    scope[0] = (byte) type;
    scope[1] = (byte) scope.length;
    scope[2] = (byte) flags;
    scope[4] = (byte) enumerationId;
    scope[5] = (byte) bus;
    for (int i = 0; i < path.length; i++) {
      scope[6 + i] = (byte) path[i];
    }
    return scope;
  }

  /** Returns the bytes of hex digits with blanks. */
  public static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
  }

  private static ByteBuffer fixed(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }

  private DmarBuilder structure(int type, ByteBuffer fixed, byte[]... scopes) {
    int length = 4 + fixed.capacity();
    for (byte[] scope : scopes) {
      length += scope.length;
    }
    structures.writeBytes(fixed(4).putShort((short) type).putShort((short) length).array());
    structures.writeBytes(fixed.array());
    for (byte[] scope : scopes) {
      structures.writeBytes(scope);
    }
    return this;
  }
}
