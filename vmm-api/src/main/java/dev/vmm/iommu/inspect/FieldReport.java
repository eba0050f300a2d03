package dev.vmm.iommu.inspect;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.util.ArrayList;
import java.util.List;

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

  /**
   * Returns the fields of a word, high bits first: those that are not 0, reserved ones by their
   * bits.
   */
  public static List<FieldReport> of(Layout layout, long raw) {
    List<FieldReport> fields = new ArrayList<>();
    for (Field field : layout.fields()) {
      if (field.isSet(raw)) {
        fields.add(
            of(
                field.access().reserved()
                    ? "RSVD[" + field.high() + ":" + field.low() + "]"
                    : field.name(),
                field.get(raw)));
      }
    }
    return fields;
  }

  /** Returns the same field, found at this byte of its table. */
  public FieldReport at(int tableOffset) {
    return new FieldReport(name, raw, meaning, tableOffset);
  }
}
