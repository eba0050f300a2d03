package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The page of the invariants names every class of tests that proves one, and none besides. */
final class InvariantsPageTest {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Pattern HEADING = Pattern.compile("## (?:(\\d+)\\. )?.+");
  private static final Pattern PROOFS = Pattern.compile("- (?:Contracts|Tests|Single tests): .+");
  private static final Pattern NAME = Pattern.compile("`(\\w+)(?:\\.(\\w+))?`");
  private static final Pattern DECLARATION =
      Pattern.compile("\\b(?:void|Stream<DynamicTest>) (\\w+)\\(");
  private static final Pattern NUMBERS = Pattern.compile("(?:i\\d\\d_)+");

  /** The last section's, which has no number. */
  private static final int NONE = 0;

  /** The methods of every class of tests, by its simple name. */
  private static final Map<String, Set<String>> METHODS = new TreeMap<>();

  /** The classes that are named as a whole, by invariant. */
  private static final Map<Integer, Set<String>> NAMED = new TreeMap<>();

  /** Tests that are named by themselves, with their class before the dot. */
  private static final Set<String> SINGLE = new TreeSet<>();

  @BeforeAll
  static void read() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      for (Path file : files.filter(InvariantsPageTest::isTestSource).toList()) {
        Set<String> methods =
            METHODS.computeIfAbsent(
                file.getFileName().toString().replace(".java", ""), name -> new HashSet<>());
        DECLARATION.matcher(Files.readString(file)).results().forEach(m -> methods.add(m.group(1)));
      }
    }
    int invariant = NONE;
    boolean proofs = false;
    for (String line : Files.readAllLines(ROOT.resolve("docs/invariants.md"))) {
      Matcher heading = HEADING.matcher(line);
      if (heading.matches()) {
        invariant = heading.group(1) == null ? NONE : Integer.parseInt(heading.group(1));
      }
      proofs = PROOFS.matcher(line).matches() || (proofs && line.startsWith("  "));
      if (proofs) {
        Set<String> classes = NAMED.computeIfAbsent(invariant, number -> new TreeSet<>());
        NAME.matcher(line)
            .results()
            .forEach(
                name -> {
                  if (name.group(2) == null) {
                    classes.add(name.group(1));
                  } else {
                    SINGLE.add(name.group(1) + "." + name.group(2));
                  }
                });
      }
    }
  }

  private static boolean isTestSource(Path file) {
    String path = ROOT.relativize(file).toString();
    boolean tests = path.contains("src/test/java/") || path.startsWith("vmm-tck/src/main/java/");
    return tests && path.endsWith(".java") && !path.contains("/target/");
  }

  /** Returns the classes that have a test with each number. */
  private static Map<Integer, Set<String>> provers() {
    Map<Integer, Set<String>> provers = new TreeMap<>();
    METHODS.forEach(
        (name, methods) -> {
          for (String method : methods) {
            Matcher numbers = NUMBERS.matcher(method);
            for (int at = 1; numbers.lookingAt() && at < numbers.end(); at += "i00_".length()) {
              int number = Integer.parseInt(method.substring(at, at + 2));
              provers.computeIfAbsent(number, key -> new TreeSet<>()).add(name);
            }
          }
        });
    return provers;
  }

  @Test
  void everyInvariantHasExactlyTheClassesWithTestsOfItsNumber() {
    Map<Integer, Set<String>> named = new TreeMap<>(NAMED);
    named.remove(NONE);
    assertThat(provers()).hasSize(16);
    provers()
        .forEach(
            (number, classes) ->
                assertThat(named.get(number)).as("named under %d", number).isEqualTo(classes));
    assertThat(named).hasSameSizeAs(provers());
  }

  @Test
  void whatIsNamedWithoutANumberExists() {
    assertThat(NAMED.get(NONE))
        .isNotEmpty()
        .allSatisfy(name -> assertThat(METHODS.get(name)).as(name).isNotEmpty());
    assertThat(SINGLE)
        .isNotEmpty()
        .allSatisfy(
            test -> {
              int dot = test.indexOf('.');
              assertThat(METHODS).containsKey(test.substring(0, dot));
              assertThat(METHODS.get(test.substring(0, dot))).contains(test.substring(dot + 1));
            });
  }
}
