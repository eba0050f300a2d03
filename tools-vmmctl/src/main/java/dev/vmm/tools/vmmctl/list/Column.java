package dev.vmm.tools.vmmctl.list;

import dev.vmm.pci.PciFunction;
import java.util.List;
import java.util.function.Function;

/**
 * One column of the table: what it tells of a function.
 *
 * @param title its heading in text; empty if it is in JSON only
 * @param field its name in JSON
 * @param many whether it is an array in JSON; a string or {@code null} otherwise
 * @param values asks a function; no value is {@code -} in text
 */
record Column(
    String title, String field, boolean many, Function<PciFunction, List<String>> values) {
  /** A column with at most one value, the empty one being none. */
  static Column one(String title, String field, Function<PciFunction, String> value) {
    return new Column(
        title,
        field,
        false,
        function -> {
          String text = value.apply(function);
          return text.isEmpty() ? List.of() : List.of(text);
        });
  }

  /** A column with any number of values. */
  static Column many(String title, String field, Function<PciFunction, List<String>> values) {
    return new Column(title, field, true, values);
  }
}
