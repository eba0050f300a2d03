package dev.vmm.iommu.amd.ivrs;

import dev.vmm.acpi.AcpiTable;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;

/** Puts an IVRS table together; lengths and checksum come out right. */
public final class IvrsBuilder {
  private final ByteArrayOutputStream blocks = new ByteArrayOutputStream();
  private int ivInfo = 0x203041;

  /** Sets IVinfo; EFRSup and 48, 64 and 48 bits of PASize, VASize and GVASize if not called. */
  public IvrsBuilder ivInfo(int value) {
    ivInfo = value;
    return this;
  }

  /** Adds a unit with its capability at 0x40 and no flags. */
  public IvrsBuilder ivhd(int type, int segment, int deviceId, long base, byte[]... entries) {
    return ivhd(type, 0, deviceId, 0x40, base, segment, 0, 0, 0, 0, entries);
  }

  /** Adds a unit by its raw fields; type 10h has no images. */
  public IvrsBuilder ivhd(
      int type,
      int flags,
      int deviceId,
      int capability,
      long base,
      int segment,
      int info,
      int features,
      long efr,
      long efr2,
      byte[]... entries) {
    int length = type == 0x10 ? 24 : 40;
    for (byte[] entry : entries) {
      length += entry.length;
    }
    ByteBuffer block =
        le(length)
            .put((byte) type)
            .put((byte) flags)
            .putShort((short) length)
            .putShort((short) deviceId)
            .putShort((short) capability)
            .putLong(base)
            .putShort((short) segment)
            .putShort((short) info)
            .putInt(features);
    if (type != 0x10) {
      block.putLong(efr).putLong(efr2);
    }
    for (byte[] entry : entries) {
      block.put(entry);
    }
    blocks.writeBytes(block.array());
    return this;
  }

  /** Adds a memory definition. */
  public IvrsBuilder ivmd(
      int type, int flags, int segment, int deviceId, int auxiliary, long start, long length) {
    blocks.writeBytes(
        le(32)
            .put((byte) type)
            .put((byte) flags)
            .putShort((short) 32)
            .putShort((short) deviceId)
            .putShort((short) auxiliary)
            .putShort((short) segment)
            .put(new byte[6])
            .putLong(start)
            .putLong(length)
            .array());
    return this;
  }

  /** Adds bytes as they are, in hex with blanks. */
  public IvrsBuilder raw(String hex) {
    blocks.writeBytes(hex(hex));
    return this;
  }

  /** Returns the bytes of the table. */
  public byte[] bytes() {
    ByteBuffer table =
        le(48 + blocks.size())
            .put("IVRS".getBytes(StandardCharsets.US_ASCII))
            .putInt(48 + blocks.size())
            .put((byte) 2)
            .put((byte) 0)
            .put("VMMTST".getBytes(StandardCharsets.US_ASCII))
            .put("TESTIVRS".getBytes(StandardCharsets.US_ASCII))
            .putInt(1)
            .put("TEST".getBytes(StandardCharsets.US_ASCII))
            .putInt(1)
            .putInt(ivInfo)
            .put(new byte[8])
            .put(blocks.toByteArray());
    return seal(table.array());
  }

  /** Returns the table. */
  public AcpiTable build() {
    return AcpiTable.of(bytes(), "built");
  }

  /** Returns the table, decoded. */
  public IvrsTable parse() {
    return IvrsTable.parse(build());
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

  /** Returns an entry of 4 bytes. */
  public static byte[] entry(int type, int deviceId, int setting) {
    return le(4).put((byte) type).putShort((short) deviceId).put((byte) setting).array();
  }

  /** Returns an entry for all devices. */
  public static byte[] all(int setting) {
    return entry(1, 0, setting);
  }

  /** Returns an entry for one device. */
  public static byte[] select(int deviceId, int setting) {
    return entry(2, deviceId, setting);
  }

  /** Returns the two entries for a range. */
  public static byte[] range(int first, int last, int setting) {
    return join(entry(3, first, setting), entry(4, last, 0));
  }

  /** Returns an alias entry, 42h or 43h. */
  public static byte[] alias(int type, int deviceId, int setting, int source) {
    return le(8)
        .put(entry(type, deviceId, setting))
        .put((byte) 0)
        .putShort((short) source)
        .put((byte) 0)
        .array();
  }

  /** Returns an extended entry, 46h or 47h. */
  public static byte[] extended(int type, int deviceId, int setting, int extended) {
    return le(8).put(entry(type, deviceId, setting)).putInt(extended).array();
  }

  /** Returns an entry for an I/O APIC (variety 1) or HPET (2). */
  public static byte[] special(int setting, int handle, int source, int variety) {
    return le(8)
        .put(entry(0x48, 0, setting))
        .put((byte) handle)
        .putShort((short) source)
        .put((byte) variety)
        .array();
  }

  /** Returns an entry for a device of the ACPI name space. */
  public static byte[] acpi(int deviceId, int setting, String hid, int uidFormat, byte[] uid) {
    return le(22 + uid.length)
        .put(entry(0xf0, deviceId, setting))
        .put(Arrays.copyOf(hid.getBytes(StandardCharsets.US_ASCII), 8))
        .putLong(0)
        .put((byte) uidFormat)
        .put((byte) uid.length)
        .put(uid)
        .array();
  }

  /** Returns the bytes one after the other. */
  public static byte[] join(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }

  /** Returns the bytes of hex digits with blanks. */
  public static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex.replaceAll("\\s", ""));
  }

  private static ByteBuffer le(int length) {
    return ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
  }
}
