package dev.vmm.tunable;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * The values that a user gave to tunables: system properties first, then a {@code
 * loader.conf}-style file.
 *
 * <p>Immutable and thread-safe. Only names below {@code hw.vmm.} and the name {@code pptdevs} are
 * ever looked at.
 */
public final class Tunables {
  /** Far above any real file; keeps a wrong file name from filling memory. */
  private static final int MAX_FILE_BYTES = 1 << 20;

  private record Setting(String text, String source) {}

  private final Map<String, Setting> settings;

  private Tunables(Map<String, Setting> settings) {
    this.settings = settings;
  }

  /** Returns tunables that are all at their defaults. */
  public static Tunables defaults() {
    return of(Map.of());
  }

  /** Returns exactly these values, by full name. */
  public static Tunables of(Map<String, String> values) {
    return of(values, "given by the program");
  }

  /**
   * Returns exactly these values, by full name.
   *
   * @param source where they were written, for messages
   */
  public static Tunables of(Map<String, String> values, String source) {
    Map<String, Setting> settings = new TreeMap<>();
    values.forEach((name, text) -> settings.put(name, new Setting(text, source)));
    return new Tunables(settings);
  }

  /** Returns the values of the system properties, nothing else. */
  public static Tunables fromSystemProperties(Properties properties) {
    Map<String, Setting> settings = new TreeMap<>();
    for (String name : properties.stringPropertyNames()) {
      if (isOurs(name)) {
        settings.put(name, new Setting(properties.getProperty(name), "system property"));
      }
    }
    return new Tunables(settings);
  }

  /**
   * Reads a {@code loader.conf}-style file: {@code name="value"} or {@code name=value} lines,
   * {@code #} comments, blank lines. Lines that set other names are ignored.
   *
   * @throws VmmException ENOENT if the file cannot be read, EINVAL if it is no UTF-8 text or longer
   *     than 1 MiB, EINVAL with file and line if a line is malformed
   */
  public static Tunables fromFile(Path file) {
    List<String> lines = textOf(file).lines().toList();
    Map<String, Setting> settings = new TreeMap<>();
    for (int i = 0; i < lines.size(); i++) {
      String line = stripComment(lines.get(i)).strip();
      if (line.isEmpty()) {
        continue;
      }
      String where = file + " line " + (i + 1);
      int equals = line.indexOf('=');
      if (equals <= 0) {
        throw VmmException.invalid(
            "malformed line \"%s\" (%s): expected name=\"value\"", line, where);
      }
      String name = line.substring(0, equals).strip();
      if (isOurs(name)) {
        settings.put(name, new Setting(unquote(line.substring(equals + 1).strip(), where), where));
      }
    }
    return new Tunables(settings);
  }

  /** Returns these values, and {@code weaker}'s where this has none. */
  public Tunables orElse(Tunables weaker) {
    Map<String, Setting> merged = new TreeMap<>(weaker.settings);
    merged.putAll(settings);
    return new Tunables(merged);
  }

  /** Returns these values with one replaced. */
  public Tunables with(String name, String text) {
    return of(Map.of(name, text)).orElse(this);
  }

  /**
   * Returns the value of a tunable, or its default.
   *
   * @throws VmmException EINVAL if the user's value is malformed
   */
  public <T> T get(Tunable<T> tunable) {
    Setting setting = settings.get(tunable.name());
    return setting == null
        ? tunable.defaultValue()
        : tunable.parse(setting.text(), setting.source());
  }

  /** Returns what the user wrote for this name, if anything. */
  public Optional<String> text(String name) {
    return Optional.ofNullable(settings.get(name)).map(Setting::text);
  }

  /** Returns the names that the user set. */
  public Set<String> names() {
    return Set.copyOf(settings.keySet());
  }

  /**
   * Checks every value against the declarations.
   *
   * @return one sentence for each name that is not declared, with the names that are
   * @throws VmmException EINVAL for the first malformed value
   */
  public List<String> check(Collection<? extends Tunable<?>> declared) {
    Map<String, Tunable<?>> byName = new LinkedHashMap<>();
    declared.forEach(tunable -> byName.put(tunable.name(), tunable));
    TreeSet<String> unknown = new TreeSet<>();
    settings.forEach(
        (name, setting) -> {
          Tunable<?> tunable = byName.get(name);
          if (tunable == null) {
            unknown.add(
                String.format(
                    Locale.ROOT,
                    "unknown tunable %s (%s) is ignored; known are %s",
                    name,
                    setting.source(),
                    String.join(", ", new TreeSet<>(byName.keySet()))));
          } else {
            tunable.parse(setting.text(), setting.source());
          }
        });
    return List.copyOf(unknown);
  }

  private static boolean isOurs(String name) {
    return name.startsWith("hw.vmm.") || name.equals("pptdevs");
  }

  private static String textOf(Path file) {
    byte[] bytes;
    try (InputStream in = Files.newInputStream(file)) {
      bytes = in.readNBytes(MAX_FILE_BYTES + 1);
    } catch (IOException e) {
      String reason =
          e instanceof NoSuchFileException
              ? "there is no such file"
              : e instanceof AccessDeniedException ? "permission denied" : e.getMessage();
      throw new VmmException(
          Errno.ENOENT,
          "cannot read the tunables file " + file + ": " + reason + "; name a readable text file",
          e);
    }
    if (bytes.length > MAX_FILE_BYTES) {
      throw VmmException.invalid(
          "the tunables file %s is longer than 0x%x bytes: expected name=\"value\" lines; name another",
          file, MAX_FILE_BYTES);
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new VmmException(
          Errno.EINVAL,
          "the tunables file "
              + file
              + " is no UTF-8 text: expected name=\"value\" lines; name another",
          e);
    }
  }

  private static String stripComment(String line) {
    boolean quoted = false;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (c == '#' && !quoted) {
        return line.substring(0, i);
      }
    }
    return line;
  }

  private static String unquote(String text, String where) {
    boolean opens = text.startsWith("\"");
    boolean closes = text.length() >= 2 && text.endsWith("\"");
    if (!opens && !text.contains("\"")) {
      return text;
    }
    if (opens && closes && text.indexOf('"', 1) == text.length() - 1) {
      return text.substring(1, text.length() - 1);
    }
    throw VmmException.invalid(
        "malformed value %s (%s): expected matching double quotes", text, where);
  }
}
