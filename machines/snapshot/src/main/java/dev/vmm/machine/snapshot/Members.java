package dev.vmm.machine.snapshot;

import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The members of a JSON object by type; one that is missing or of another type is an EINVAL that
 * names it.
 */
final class Members {
  private final String where;
  private final Map<?, ?> members;

  private Members(String where, Map<?, ?> members) {
    this.where = where;
    this.members = members;
  }

  /** Takes a parsed value that must be an object; {@code where} begins every message. */
  static Members of(String where, @Nullable Object value) {
    if (value instanceof Map<?, ?> members) {
      return new Members(where, members);
    }
    throw wrong(where, "an object");
  }

  boolean has(String name) {
    return members.containsKey(name);
  }

  String string(String name) {
    if (members.get(name) instanceof String text && SnapshotFormat.isText(text)) {
      return text;
    }
    throw wrong(
        where(name),
        "a string of at most " + SnapshotFormat.MAX_TEXT + " characters, none of them a control");
  }

  int integer(String name, int min, int max) {
    return integer(where(name), members.get(name), min, max);
  }

  /** Returns an unsigned number that is written as a string, {@code 0x...}. */
  long hex(String name) {
    if (members.get(name) instanceof String text && text.matches("0x[0-9a-f]{1,16}")) {
      return Long.parseUnsignedLong(text.substring(2), 16);
    }
    throw wrong(where(name), "a number as a string, such as \"0x1f\", of at most 64 bits");
  }

  /** Returns the objects of an array. */
  List<Members> objects(String name, int max) {
    List<Members> objects = new ArrayList<>();
    for (Object value : array(name, max)) {
      objects.add(of(where(name) + "[" + objects.size() + "]", value));
    }
    return objects;
  }

  /** Returns the numbers of an array. */
  List<Integer> integers(String name, int count, int min, int max) {
    List<Integer> numbers = new ArrayList<>();
    for (Object value : array(name, count)) {
      numbers.add(integer(where(name) + "[" + numbers.size() + "]", value, min, max));
    }
    return numbers;
  }

  Members object(String name) {
    return of(where(name), members.get(name));
  }

  /** Returns the failure of a member. */
  VmmException wrongMember(String name, String expected) {
    return wrong(where(name), expected);
  }

  private List<?> array(String name, int max) {
    if (members.get(name) instanceof List<?> list && list.size() <= max) {
      return list;
    }
    throw wrong(where(name), "an array of at most " + max);
  }

  private String where(String name) {
    return where + ": \"" + name + "\"";
  }

  private static int integer(String where, @Nullable Object value, int min, int max) {
    if (value instanceof Long number && number >= min && number <= max) {
      return number.intValue();
    }
    throw wrong(where, "an integer from " + min + " to " + max);
  }

  private static VmmException wrong(String where, String expected) {
    return VmmException.invalid("%s: expected %s; the file is damaged", where, expected);
  }
}
