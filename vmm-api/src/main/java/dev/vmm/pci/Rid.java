package dev.vmm.pci;

import dev.vmm.VmmException;
import dev.vmm.bits.Hex;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A requester id: who a transaction says it comes from.
 *
 * <p>Immutable and thread-safe; ordered by segment, bus, device, function.
 *
 * @param segment the PCI segment group, 0 to 65535
 * @param bus 0 to 255
 * @param device 0 to 31
 * @param function 0 to 7
 */
public record Rid(int segment, int bus, int device, int function) implements Comparable<Rid> {
  /** Only made when an id is parsed: most runs of a tool print them alone. */
  private static final class Forms {
    private static final Pattern COLONS =
        Pattern.compile("(?:([0-9a-fA-F]{1,4}):)?([0-9a-fA-F]{1,2}):([0-9a-fA-F]{1,2})\\.([0-7])");
    private static final Pattern SLASHES =
        Pattern.compile("([0-9]{1,3})/([0-9]{1,2})/([0-9]{1,2})");
  }

  /** The characters of {@code ssss:}. */
  private static final int SEGMENT_CHARS = 5;

  /** The characters of {@code bb:dd.f}. */
  private static final int ID_CHARS = 7;

  /** Checks the ranges (EINVAL). */
  public Rid {
    if ((segment & ~0xffff) != 0
        || (bus & ~0xff) != 0
        || (device & ~0x1f) != 0
        || (function & ~0x7) != 0) {
      throw VmmException.invalid(
          "no requester id has segment %d, bus %d, device %d, function %d: expected 0-65535, 0-255, 0-31, 0-7",
          segment, bus, device, function);
    }
  }

  /** Returns the id of these 16 bits: bus in 15:8, device in 7:3, function in 2:0. */
  public static Rid of(int segment, int id16) {
    return new Rid(segment, (id16 >>> 8) & 0xff, (id16 >>> 3) & 0x1f, id16 & 7);
  }

  /**
   * Parses {@code 0000:02:00.0} or {@code 02:00.0} (hexadecimal), or {@code 2/0/0}
   * (bus/slot/function, decimal, segment 0).
   *
   * @throws VmmException EINVAL if it is neither
   */
  public static Rid parse(String text) {
    Matcher colons = Forms.COLONS.matcher(text);
    if (colons.matches()) {
      int segment = colons.group(1) == null ? 0 : Integer.parseInt(colons.group(1), 16);
      return new Rid(
          segment,
          Integer.parseInt(colons.group(2), 16),
          Integer.parseInt(colons.group(3), 16),
          Integer.parseInt(colons.group(4)));
    }
    Matcher slashes = Forms.SLASHES.matcher(text);
    if (slashes.matches()) {
      return new Rid(
          0,
          Integer.parseInt(slashes.group(1)),
          Integer.parseInt(slashes.group(2)),
          Integer.parseInt(slashes.group(3)));
    }
    throw VmmException.invalid(
        "malformed PCI function \"%s\": expected segment:bus:device.function in hexadecimal, such as 0000:02:00.0, or"
            + " bus/slot/function in decimal, such as 2/0/0",
        text);
  }

  /** Returns the 16 bits that go on the bus. */
  public int id16() {
    return (bus << 8) | (device << 3) | function;
  }

  /** Returns device and function as one number, 0 to 255. */
  public int devfn() {
    return (device << 3) | function;
  }

  @Override
  public int compareTo(Rid other) {
    int bySegment = Integer.compare(segment, other.segment);
    return bySegment != 0 ? bySegment : Integer.compare(id16(), other.id16());
  }

  // Written out: a record's own are linked at run time, which costs a short run of a tool dearly.
  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Rid rid && key() == rid.key();
  }

  @Override
  public int hashCode() {
    return Integer.hashCode(key());
  }

  /** Segment and id in 32 bits, different for each requester id. */
  private int key() {
    return segment << 16 | id16();
  }

  /** Returns {@code ssss:bb:dd.f}, in hexadecimal. */
  @Override
  public String toString() {
    // Printed for every device of every table: String.format would be most of the work.
    byte[] text = new byte[SEGMENT_CHARS + ID_CHARS];
    Hex.put(text, 0, segment, 4);
    text[4] = ':';
    put(text, SEGMENT_CHARS, bus, device, function);
    return Hex.latin(text);
  }

  /**
   * Returns an id without its segment, {@code bb:dd.f} in hexadecimal.
   *
   * @param id16 bus in 15:8, device in 7:3, function in 2:0
   */
  public static String withoutSegment(int id16) {
    byte[] text = new byte[ID_CHARS];
    put(text, 0, id16 >>> 8, id16 >>> 3 & 0x1f, id16 & 7);
    return Hex.latin(text);
  }

  private static void put(byte[] text, int at, int bus, int device, int function) {
    Hex.put(text, at, bus, 2);
    text[at + 2] = ':';
    Hex.put(text, at + 3, device, 2);
    text[at + 5] = '.';
    Hex.put(text, at + 6, function, 1);
  }
}
