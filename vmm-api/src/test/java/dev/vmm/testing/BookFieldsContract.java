package dev.vmm.testing;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.bits.Field;
import dev.vmm.bits.Layout;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URISyntaxException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every field of every register and structure where the book has it, and every accessor against
 * words with that field's bits alone and with all others.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public abstract class BookFieldsContract {
  private final String book;
  private final List<Class<?>> neighbours;

  /**
   * Names the book and what is compared with it.
   *
   * @param book a line for each word: its name, a colon, its fields with their bits, {@code
   *     high:low} or one number; what is not named is reserved
   * @param neighbours one record of each package; each record there that has a layout is compared
   */
  protected BookFieldsContract(String book, Class<?>... neighbours) {
    this.book = book;
    this.neighbours = List.of(neighbours);
  }

  /** Returns the fields whose accessor is tested elsewhere: it gives no number but an address. */
  protected Set<String> addresses() {
    return Set.of();
  }

  private Map<String, Map<String, String>> book() {
    Map<String, Map<String, String>> words = new TreeMap<>();
    for (String line : book.lines().toList()) {
      int colon = line.contains("]") ? line.indexOf("]") + 1 : line.indexOf(":");
      Map<String, String> fields = new LinkedHashMap<>();
      for (String field : line.substring(colon + 1).split(",", -1)) {
        if (!field.isBlank()) {
          String[] nameAndBits = field.strip().split(" ", -1);
          fields.put(nameAndBits[0], nameAndBits[1]);
        }
      }
      assertThat(words.put(line.substring(0, colon), fields)).as(line).isNull();
    }
    return words;
  }

  /** Every record of one word, by its layout's name. */
  private Map<String, Class<?>> ours() throws Exception {
    Map<String, Class<?>> all = new TreeMap<>();
    for (Class<?> neighbour : neighbours) {
      addRecords(neighbour, all);
    }
    return all;
  }

  private static void addRecords(Class<?> neighbour, Map<String, Class<?>> all)
      throws IOException, URISyntaxException, ReflectiveOperationException {
    Path folder =
        Path.of(
                Objects.requireNonNull(neighbour.getResource(neighbour.getSimpleName() + ".class"))
                    .toURI())
            .getParent();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.class")) {
      for (Path file : files) {
        String name = file.getFileName().toString().replace(".class", "");
        Class<?> type = Class.forName(neighbour.getPackageName() + "." + name);
        if (type.isRecord()
            && !name.contains("$")
            && Arrays.stream(type.getFields())
                .anyMatch(field -> field.getName().equals("LAYOUT"))) {
          assertThat(all.put(layout(type).name(), type)).as(name).isNull();
        }
      }
    }
  }

  private static Layout layout(Class<?> type) throws ReflectiveOperationException {
    return (Layout) type.getField("LAYOUT").get(null);
  }

  Stream<Class<?>> words() throws Exception {
    return ours().values().stream();
  }

  @Test
  void everyWordOfTheBookIsThereAndNoOther() throws Exception {
    assertThat(ours().keySet()).isEqualTo(book().keySet());
  }

  @ParameterizedTest
  @MethodSource("words")
  void fieldsAreWhereTheBookHasThem(Class<?> type) throws Exception {
    Map<String, String> found = new LinkedHashMap<>();
    for (Field field : layout(type).fields()) {
      if (!field.access().reserved()) {
        found.put(
            field.name(),
            field.width() == 1 ? "" + field.high() : field.high() + ":" + field.low());
      }
    }
    assertThat(found).isEqualTo(book().get(layout(type).name()));
  }

  @ParameterizedTest
  @MethodSource("words")
  void everyAccessorReadsItsFieldAlone(Class<?> type) throws Exception {
    long all = -1L >>> (64 - layout(type).widthBits());
    for (Map.Entry<String, String> field : book().get(layout(type).name()).entrySet()) {
      Method accessor = accessor(type, field.getKey());
      if (accessor == null || addresses().contains(field.getKey())) {
        continue;
      }
      String[] bits = field.getValue().split(":", -1);
      int low = Integer.parseInt(bits[bits.length - 1]);
      long max = -1L >>> (63 - Integer.parseInt(bits[0]) + low);
      assertThat(read(type, accessor, max << low)).as(field.getKey()).isEqualTo(max);
      assertThat(read(type, accessor, all & ~(max << low))).as(field.getKey()).isZero();
    }
  }

  private static Method accessor(Class<?> type, String field) {
    for (Method method : type.getDeclaredMethods()) {
      // RID_PASID is ridPasid, and a mnemonic that is a word of the language has a _ behind it.
      if (method.getParameterCount() == 0
          && method.getName().replace("_", "").equalsIgnoreCase(field.replace("_", ""))) {
        return method;
      }
    }
    return null;
  }

  private static long read(Class<?> type, Method accessor, long raw) throws Exception {
    Object value = accessor.invoke(type.getConstructor(long.class).newInstance(raw));
    return value instanceof Boolean set ? (set ? 1 : 0) : ((Number) value).longValue();
  }
}
