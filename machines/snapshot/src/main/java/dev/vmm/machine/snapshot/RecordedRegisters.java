package dev.vmm.machine.snapshot;

import dev.vmm.AddressRange;
import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.RegisterBlock;
import java.util.Comparator;
import java.util.Locale;
import java.util.Map;
import java.util.StringJoiner;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The register blocks that were opened, and what each read returned the first time. Thread-safe.
 */
final class RecordedRegisters {
  private static final int MAX_BLOCKS = 1024;
  private static final int MAX_VALUES = 1 << 16;

  /** A read: where and how wide. */
  private record Access(long hpa, int widthBytes) {}

  private static final Comparator<Access> BY_ADDRESS =
      Comparator.<Access, Long>comparing(Access::hpa, Long::compareUnsigned)
          .thenComparing(Access::widthBytes);

  private final String name;
  private final Map<AddressRange, Boolean> blocks = new ConcurrentHashMap<>();
  private final Map<Access, Long> values = new ConcurrentHashMap<>();

  /** None yet; {@code name} is whose they are, for messages. */
  RecordedRegisters(String name) {
    this.name = name;
  }

  void addBlock(long hpa, long lengthBytes) {
    blocks.put(new AddressRange(hpa, lengthBytes), true);
  }

  /** Adds a value unless that register is known already. */
  void add(long hpa, int widthBytes, long value) {
    values.putIfAbsent(new Access(hpa, widthBytes), value);
  }

  String toJson() {
    StringJoiner json = new StringJoiner("", "{", "\n  ]\n}\n");
    String separator = "\n  \"blocks\": [\n    ";
    for (AddressRange block : new TreeSet<>(blocks.keySet())) {
      json.add(
          String.format(
              Locale.ROOT,
              "%s{\"base\": \"0x%x\", \"length\": \"0x%x\"}",
              separator,
              block.start(),
              block.lengthBytes()));
      separator = ",\n    ";
    }
    json.add(blocks.isEmpty() ? "\n  \"blocks\": [\n  ]," : "\n  ],");
    separator = "\n  \"values\": [\n    ";
    TreeMap<Access, Long> sorted = new TreeMap<>(BY_ADDRESS);
    sorted.putAll(values);
    for (Map.Entry<Access, Long> value : sorted.entrySet()) {
      json.add(
          String.format(
              Locale.ROOT,
              "%s{\"address\": \"0x%x\", \"width\": %d, \"value\": \"0x%x\"}",
              separator,
              value.getKey().hpa,
              value.getKey().widthBytes,
              value.getValue()));
      separator = ",\n    ";
    }
    if (values.isEmpty()) {
      json.add("\n  \"values\": [");
    }
    return json.toString();
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param name whose they are
   * @param where the file and entry, for messages
   * @throws VmmException EINVAL if that is damaged
   */
  static RecordedRegisters parse(String name, String where, String json) {
    RecordedRegisters registers = new RecordedRegisters(name);
    Members members = Members.of(where, Json.parse(where, json));
    for (Members block : members.objects("blocks", MAX_BLOCKS)) {
      long base = block.hex("base");
      long length = block.hex("length");
      if (length == 0 || (base != 0 && Long.compareUnsigned(length, -base) > 0)) {
        throw block.wrongMember("length", "at least 1, and an end by 2^64");
      }
      registers.addBlock(base, length);
    }
    for (Members value : members.objects("values", MAX_VALUES)) {
      int width = value.integer("width", 1, 8);
      long address = value.hex("address");
      if (Integer.bitCount(width) != 1 || (address & (width - 1)) != 0) {
        throw value.wrongMember("width", "1, 2, 4 or 8, and an address that is a multiple of it");
      }
      registers.add(address, width, value.hex("value"));
    }
    return registers;
  }

  /**
   * Returns a block that was recorded, or a part of one.
   *
   * @throws VmmException EINVAL if there is none
   */
  RegisterBlock block(long hpa, long lengthBytes) {
    AddressRange range = new AddressRange(hpa, lengthBytes);
    if (blocks.keySet().stream().noneMatch(block -> block.contains(range))) {
      throw VmmException.invalid(
          "%s holds no registers at 0x%x, 0x%x bytes: expected a part of %s",
          name, hpa, lengthBytes, SnapshotFormat.few(new TreeSet<>(blocks.keySet())));
    }
    return new Block(hpa, lengthBytes);
  }

  private long read(long hpa, int widthBytes) {
    Long value = find(hpa, widthBytes);
    for (int wider = widthBytes * 2; value == null && wider <= 8; wider *= 2) {
      long base = hpa & -wider;
      Long whole = find(base, wider);
      value = whole == null ? null : low(whole >>> (8 * (hpa - base)), widthBytes);
    }
    if (value == null) {
      value = ofNarrower(hpa, widthBytes);
    }
    if (value == null) {
      throw VmmException.of(
          Errno.ENOENT,
          "%s does not hold the register of %d bytes at 0x%x: only registers that were read when it was recorded are in"
              + " it; record it again with this version",
          name,
          widthBytes,
          hpa);
    }
    return value;
  }

  private @Nullable Long find(long hpa, int widthBytes) {
    return values.get(new Access(hpa, widthBytes));
  }

  private @Nullable Long ofNarrower(long hpa, int widthBytes) {
    int half = widthBytes / 2;
    if (half == 0) {
      return null;
    }
    Long low = find(hpa, half);
    Long high = find(hpa + half, half);
    low = low == null ? ofNarrower(hpa, half) : low;
    high = high == null ? ofNarrower(hpa + half, half) : high;
    return low == null || high == null ? null : (high << (8 * half)) | low;
  }

  private static long low(long value, int widthBytes) {
    return widthBytes == 8 ? value : value & ((1L << (8 * widthBytes)) - 1);
  }

  static void requireInside(long offset, int widthBytes, long lengthBytes) {
    if (widthBytes < 1
        || widthBytes > 8
        || Integer.bitCount(widthBytes) != 1
        || (offset & (widthBytes - 1)) != 0
        || offset < 0
        || offset > lengthBytes - widthBytes) {
      throw VmmException.invalid(
          "cannot access %d bytes at offset 0x%x of registers: expected 1, 2, 4 or 8 at a multiple of them below 0x%x",
          widthBytes, offset, lengthBytes);
    }
  }

  private final class Block implements RegisterBlock {
    private final long base;
    private final long length;

    Block(long base, long length) {
      this.base = base;
      this.length = length;
    }

    @Override
    public long baseHpa() {
      return base;
    }

    @Override
    public long lengthBytes() {
      return length;
    }

    @Override
    public long read(long offset, int widthBytes) {
      requireInside(offset, widthBytes, length);
      return RecordedRegisters.this.read(base + offset, widthBytes);
    }

    @Override
    public void write(long offset, int widthBytes, long value) {
      throw SnapshotFormat.readOnly(
          name, String.format(Locale.ROOT, "the register at 0x%x", base + offset));
    }
  }
}
