package dev.vmm.machine.snapshot;

import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * As much JSON as a snapshot's manifest needs (RFC 8259), read from bytes that anybody may have
 * written: strict, bounded in depth, and every mistake is an EINVAL with its offset. Used once.
 *
 * <p>Numbers are integers of 64 bits; any other is a mistake, as is a name given twice.
 */
final class Json {
  private static final int MAX_DEPTH = 16;

  private final String name;
  private final String text;
  private int at;

  private Json(String name, String text) {
    this.name = name;
    this.text = text;
  }

  /** Returns a Map, List, String, Long, Boolean or null; {@code name} begins every message. */
  static @Nullable Object parse(String name, String text) {
    Json json = new Json(name, text);
    Object value = json.value(0);
    json.blanks();
    if (json.at != text.length()) {
      throw json.wrong("the end");
    }
    return value;
  }

  /** Returns the text as a JSON string, with its quotes. */
  static String quote(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\').append(c);
      } else if (c < 0x20 || c > 0x7e) {
        quoted.append(String.format("\\u%04x", (int) c));
      } else {
        quoted.append(c);
      }
    }
    return quoted.append('"').toString();
  }

  private @Nullable Object value(int depth) {
    blanks();
    if (depth > MAX_DEPTH) {
      throw wrong("no more than " + MAX_DEPTH + " levels");
    }
    char c = peek();
    return switch (c) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> string();
      case 't' -> word("true", true);
      case 'f' -> word("false", false);
      case 'n' -> word("null", null);
      default -> number();
    };
  }

  private Map<String, @Nullable Object> object(int depth) {
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    at++;
    blanks();
    if (take('}')) {
      return members;
    }
    do {
      blanks();
      String key = string();
      blanks();
      require(':');
      Object value = value(depth + 1);
      if (members.containsKey(key)) {
        throw wrong("each name once, but \"" + key + "\" is there twice,");
      }
      members.put(key, value);
      blanks();
    } while (take(','));
    require('}');
    return members;
  }

  private List<@Nullable Object> array(int depth) {
    List<@Nullable Object> values = new ArrayList<>();
    at++;
    blanks();
    if (take(']')) {
      return values;
    }
    do {
      values.add(value(depth + 1));
      blanks();
    } while (take(','));
    require(']');
    return values;
  }

  private String string() {
    require('"');
    StringBuilder chars = new StringBuilder();
    while (true) {
      char c = peek();
      if (c < 0x20) {
        throw wrong("the end of a string");
      }
      at++;
      if (c == '"') {
        return chars.toString();
      }
      chars.append(c == '\\' ? escape() : c);
    }
  }

  private char escape() {
    char c = peek();
    int plain = "\"\\/bfnrt".indexOf(c);
    if (c != 'u' && (plain < 0 || c == 0)) {
      throw wrong("an escape sequence");
    }
    at++;
    return c == 'u' ? hex4() : "\"\\/\b\f\n\r\t".charAt(plain);
  }

  private char hex4() {
    int code = 0;
    for (int i = 0; i < 4; i++, at++) {
      int digit = "0123456789abcdef".indexOf(Character.toLowerCase(peek()));
      if (digit < 0) {
        throw wrong("a hexadecimal digit");
      }
      code = (code << 4) | digit;
    }
    return (char) code;
  }

  private long number() {
    int start = at;
    take('-');
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    String digits = text.substring(start, at);
    if (!digits.matches("-?(0|[1-9]\\d{0,18})")) {
      at = start;
      throw wrong("a value, whose numbers are integers of 64 bits");
    }
    try {
      return Long.parseLong(digits);
    } catch (NumberFormatException e) {
      at = start;
      throw wrong("an integer of 64 bits");
    }
  }

  private @Nullable Object word(String word, @Nullable Object value) {
    if (!text.startsWith(word, at)) {
      throw wrong("a value");
    }
    at += word.length();
    return value;
  }

  private void blanks() {
    while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  /** Returns the character that is next, 0 at the end. */
  private char peek() {
    return at < text.length() ? text.charAt(at) : 0;
  }

  private boolean take(char c) {
    if (peek() != c || at == text.length()) {
      return false;
    }
    at++;
    return true;
  }

  private void require(char c) {
    if (!take(c)) {
      throw wrong("'" + c + "'");
    }
  }

  private VmmException wrong(String expected) {
    return VmmException.invalid(
        "%s is not as it should be at offset 0x%x: expected %s there; the file is damaged",
        name, at, expected);
  }
}
