package dev.vmm.iommu.inspect;

import dev.vmm.bits.Field;
import dev.vmm.bits.Hex;
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
    return new FieldReport(name, Hex.of(value), meaning, -1);
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

  /** What a field's value means. */
  @FunctionalInterface
  public interface Meaning {
    /**
     * Returns the meaning in words, empty if the value speaks for itself.
     *
     * @param name the layout's and the field's, such as {@code CAP_REG.ND}
     */
    String of(String name, long value);
  }

  /**
   * Returns the fields of a word, high bits first: all of them with their meaning, but of reserved
   * ones only those that are not 0, by their bits.
   */
  public static List<FieldReport> all(Layout layout, long raw, Meaning meaning) {
    List<FieldReport> fields = new ArrayList<>();
    for (Field field : layout.fields()) {
      long value = field.get(raw);
      if (!field.access().reserved()) {
        fields.add(of(field.name(), value, meaning.of(layout.name() + "." + field.name(), value)));
      } else if (value != 0) {
        fields.add(of("RSVD[" + field.high() + ":" + field.low() + "]", value));
      }
    }
    return fields;
  }

  /**
   * Returns a word with some of its fields, for one line: {@code CAP_REG 0xd2008c222f0686 MGAW=0x2f
   * (48 bits)}.
   *
   * @param names of the fields, in the order to show them
   */
  public static String line(Layout layout, long raw, Meaning meaning, String... names) {
    StringBuilder text = new StringBuilder(layout.name() + " " + Hex.of(raw));
    for (String name : names) {
      long value = layout.field(name).get(raw);
      text.append(' ')
          .append(of(name, value, meaning.of(layout.name() + "." + name, value)).text());
    }
    return text.toString();
  }

  /** Returns it in a few characters: {@code ND=0x6 (65536 domains)}. */
  public String text() {
    return name + "=" + raw + (meaning.isEmpty() ? "" : " (" + meaning + ")");
  }

  /** Returns the same field, found at this byte of its table. */
  public FieldReport at(int tableOffset) {
    return new FieldReport(name, raw, meaning, tableOffset);
  }
}
