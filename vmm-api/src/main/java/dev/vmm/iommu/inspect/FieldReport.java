package dev.vmm.iommu.inspect;

/**
 * One field with its value.
 *
 * @param name the book's name
 * @param raw the value as hex, {@code 0x...}; for bytes, two digits each
 * @param meaning in words, empty if the value speaks for itself
 * @param offset of the field's first byte in its table, -1 for a field that has none, such as one
 *     of a register
 */
public record FieldReport(String name, String raw, String meaning, int offset) {
  /** A field that has no byte offset of its own. */
  public FieldReport(String name, String raw, String meaning) {
    this(name, raw, meaning, -1);
  }

  /** Returns a field of a number, without words. */
  public static FieldReport of(String name, long value) {
    return of(name, value, "");
  }

  /** Returns a field of a number with its meaning. */
  public static FieldReport of(String name, long value, String meaning) {
    return new FieldReport(name, "0x" + Long.toHexString(value), meaning);
  }

  /** Returns the same field, found at this byte of its table. */
  public FieldReport at(int tableOffset) {
    return new FieldReport(name, raw, meaning, tableOffset);
  }
}
