package dev.vmm.iommu.inspect;

/**
 * One field with its value.
 *
 * @param name the book's name
 * @param raw the value as hex, {@code 0x...}; for bytes, two digits each
 * @param meaning in words, empty if the value speaks for itself
 */
public record FieldReport(String name, String raw, String meaning) {
  /** Returns a field of a number, without words. */
  public static FieldReport of(String name, long value) {
    return new FieldReport(name, "0x" + Long.toHexString(value), "");
  }

  /** Returns a field of a number with its meaning. */
  public static FieldReport of(String name, long value, String meaning) {
    return new FieldReport(name, "0x" + Long.toHexString(value), meaning);
  }
}
