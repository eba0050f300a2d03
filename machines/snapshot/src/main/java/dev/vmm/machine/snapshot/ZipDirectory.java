package dev.vmm.machine.snapshot;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * The entries of a zip file that a stranger may have made. Only its central directory counts. No
 * allocation is larger than what the caller allows, whatever the file says, which the JDK's reader
 * does not promise; a name is text and never becomes a path.
 *
 * <p>Source: PKWARE's APPNOTE.TXT 6.3.10, "Central directory structure", "End of central directory
 * record", "Zip64 end of central directory record". Not read: comments at the end, encryption,
 * files or entries beyond 4 GiB, methods other than 0 and 8. Thread-safe.
 */
final class ZipDirectory {
  private static final int END_BYTES = 22;
  private static final int END_SIGNATURE = 0x06054b50;
  private static final int LOCATOR_BYTES = 20;
  private static final int LOCATOR_SIGNATURE = 0x07064b50;
  private static final int END64_BYTES = 56;
  private static final int END64_SIGNATURE = 0x06064b50;
  private static final int CENTRAL_BYTES = 46;
  private static final int CENTRAL_SIGNATURE = 0x02014b50;
  private static final int LOCAL_BYTES = 30;
  private static final int LOCAL_SIGNATURE = 0x04034b50;

  private static final int STORED = 0;
  private static final int DEFLATED = 8;
  private static final int ENCRYPTED = 1;

  private static final int MAX_DIRECTORY_BYTES = 40 << 20;
  private static final int MAX_NAME_BYTES = 64;

  /**
   * One entry, without its name.
   *
   * @param method 0 or 8
   * @param crc the CRC-32 of its bytes
   * @param packedBytes as it is in the file
   * @param sizeBytes as it comes out; what the file says, so it may be a lie
   * @param offset of its local header
   */
  record Entry(int method, int crc, long packedBytes, long sizeBytes, long offset) {}

  /** Takes the entries, in the directory's order. */
  @FunctionalInterface
  interface Visitor {
    void entry(String entryName, Entry entry);
  }

  private final String name;
  private final Bytes file;
  private final Inflater inflater = new Inflater(true);
  private long directoryOffset;

  /** Reads nothing yet; {@code name} begins every message. */
  ZipDirectory(String name, Bytes file) {
    this.name = name;
    this.file = file;
  }

  /**
   * Reads the directory and hands on each entry.
   *
   * @throws VmmException EINVAL if it is damaged
   */
  void read(Visitor visitor) throws IOException {
    long size = file.size();
    if (size < END_BYTES) {
      throw damaged("it has %d bytes: expected at least %d", size, END_BYTES);
    }
    long end = size - END_BYTES;
    ByteBuffer record = buffer(end, END_BYTES);
    if (record.getInt(0) != END_SIGNATURE) {
      throw damaged("its last %d bytes are no end of a zip directory: it may be cut", END_BYTES);
    }
    long entries = Short.toUnsignedLong(record.getShort(10));
    long length = Integer.toUnsignedLong(record.getInt(12));
    directoryOffset = Integer.toUnsignedLong(record.getInt(16));
    if (entries == 0xffff || length == 0xffffffffL || directoryOffset == 0xffffffffL) {
      end = end64(end);
      record = buffer(end, END64_BYTES);
      entries = record.getLong(32);
      length = record.getLong(40);
      directoryOffset = record.getLong(48);
    }
    if (length < 0 || length > MAX_DIRECTORY_BYTES) {
      throw damaged(
          "its directory has 0x%x bytes: expected at most 0x%x", length, MAX_DIRECTORY_BYTES);
    }
    if (directoryOffset < 0 || directoryOffset > end || length != end - directoryOffset) {
      throw damaged(
          "its directory of 0x%x bytes at 0x%x does not end at 0x%x, where its end record is",
          length, directoryOffset, end);
    }
    entries(buffer(directoryOffset, (int) length), entries, visitor);
  }

  /** Returns where the longer end record is. */
  private long end64(long end) throws IOException {
    long at = end - LOCATOR_BYTES;
    if (at >= END64_BYTES) {
      ByteBuffer locator = buffer(at, LOCATOR_BYTES);
      long end64 = locator.getLong(8);
      if (locator.getInt(0) == LOCATOR_SIGNATURE
          && end64 == at - END64_BYTES
          && buffer(end64, 4).getInt(0) == END64_SIGNATURE) {
        return end64;
      }
    }
    throw damaged("the zip64 record before its end is missing");
  }

  private void entries(ByteBuffer directory, long entries, Visitor visitor) {
    long count = 0;
    int at = 0;
    for (; directory.limit() - at >= CENTRAL_BYTES; count++) {
      int nameBytes = Short.toUnsignedInt(directory.getShort(at + 28));
      int moreBytes =
          Short.toUnsignedInt(directory.getShort(at + 30))
              + Short.toUnsignedInt(directory.getShort(at + 32));
      if (directory.getInt(at) != CENTRAL_SIGNATURE
          || nameBytes + moreBytes > directory.limit() - at - CENTRAL_BYTES) {
        throw damaged("entry %d of its directory, at 0x%x, is damaged", count, at);
      }
      if (nameBytes > MAX_NAME_BYTES) {
        throw damaged(
            "the name of entry %d has %d bytes: expected at most %d",
            count, nameBytes, MAX_NAME_BYTES);
      }
      byte[] nameOf = new byte[nameBytes];
      directory.get(at + CENTRAL_BYTES, nameOf);
      String entryName = new String(nameOf, StandardCharsets.ISO_8859_1);
      visitor.entry(
          entryName,
          new Entry(
              Short.toUnsignedInt(directory.getShort(at + 10))
                  | ((directory.getShort(at + 8) & ENCRYPTED) != 0 ? 1 << 16 : 0),
              directory.getInt(at + 16),
              Integer.toUnsignedLong(directory.getInt(at + 20)),
              Integer.toUnsignedLong(directory.getInt(at + 24)),
              Integer.toUnsignedLong(directory.getInt(at + 42))));
      at += CENTRAL_BYTES + nameBytes + moreBytes;
    }
    if (count != entries || at != directory.limit()) {
      throw damaged(
          "its directory holds %d entries in 0x%x of 0x%x bytes: its end says %d",
          count, at, directory.limit(), entries);
    }
  }

  /**
   * Returns the bytes of an entry.
   *
   * @param maxBytes the longest that it may be
   * @throws VmmException EINVAL if it is longer or damaged, EIO if the file cannot be read
   */
  synchronized byte[] bytes(String entryName, Entry entry, int maxBytes) {
    if (entry.method != STORED && entry.method != DEFLATED) {
      throw damaged(
          "entry %s is %s: expected method 0 or 8",
          entryName, entry.method >>> 16 != 0 ? "encrypted" : "packed by method " + entry.method);
    }
    // A packer never makes more of it than this.
    long maxPacked = entry.sizeBytes + entry.sizeBytes / 1000 + 64;
    if (entry.sizeBytes > maxBytes || entry.packedBytes > maxPacked) {
      throw damaged(
          "entry %s has 0x%x bytes, 0x%x packed: expected at most 0x%x",
          entryName, entry.sizeBytes, entry.packedBytes, maxBytes);
    }
    try {
      byte[] packed = packed(entryName, entry);
      byte[] bytes = entry.method == STORED ? packed : inflate(packed, (int) entry.sizeBytes);
      CRC32 crc = new CRC32();
      crc.update(bytes);
      if (bytes.length != entry.sizeBytes || (int) crc.getValue() != entry.crc) {
        throw damaged("entry %s has a wrong length or CRC", entryName);
      }
      return bytes;
    } catch (DataFormatException e) {
      throw damaged("entry %s cannot be unpacked", entryName);
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private byte[] packed(String entryName, Entry entry) throws IOException {
    if (entry.offset > directoryOffset - LOCAL_BYTES) {
      throw damaged("entry %s begins at 0x%x, past the entries", entryName, entry.offset);
    }
    ByteBuffer local = buffer(entry.offset, LOCAL_BYTES);
    long data =
        entry.offset
            + LOCAL_BYTES
            + Short.toUnsignedLong(local.getShort(26))
            + Short.toUnsignedLong(local.getShort(28));
    if (local.getInt(0) != LOCAL_SIGNATURE || entry.packedBytes > directoryOffset - data) {
      throw damaged("entry %s is not at 0x%x, where it should be", entryName, entry.offset);
    }
    return file.read(data, (int) entry.packedBytes);
  }

  private byte[] inflate(byte[] packed, int sizeBytes) throws DataFormatException {
    inflater.reset();
    inflater.setInput(packed);
    // One byte more shows data that goes on.
    byte[] bytes = new byte[sizeBytes + 1];
    int length = 0;
    while (length < bytes.length && !inflater.finished()) {
      int more = inflater.inflate(bytes, length, bytes.length - length);
      if (more == 0 && !inflater.finished()) {
        break;
      }
      length += more;
    }
    return java.util.Arrays.copyOf(bytes, length);
  }

  private ByteBuffer buffer(long position, int length) throws IOException {
    return ByteBuffer.wrap(file.read(position, length)).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Returns the failure of a damaged file. */
  VmmException damaged(String format, Object... args) {
    return VmmException.invalid(
        "%s is no whole snapshot: %s", name, String.format(Locale.ROOT, format, args));
  }

  /** Returns the failure of a file that cannot be read. */
  VmmException failed(IOException e) {
    return new VmmException(Errno.EIO, "cannot read " + name + ": " + e.getMessage(), e);
  }

  void close() throws IOException {
    synchronized (this) {
      inflater.end();
    }
    file.close();
  }
}
