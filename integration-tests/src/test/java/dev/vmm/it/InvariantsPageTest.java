package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page of the invariants names tests that exist. */
final class InvariantsPageTest {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Pattern HEADING = Pattern.compile("## (\\d+)\\. .+");
  private static final Pattern PROOF = Pattern.compile("- `(\\w+)`: (.+)");
  private static final Pattern METHOD = Pattern.compile("`(\\w+)`");
  private static final Pattern DECLARATION =
      Pattern.compile("\\b(?:void|Stream<DynamicTest>) (\\w+)\\(");

  private record Proof(int invariant, String className, String method) {}

  private static List<Proof> proofs() throws IOException {
    List<Proof> proofs = new ArrayList<>();
    int invariant = 0;
    for (String line : Files.readAllLines(ROOT.resolve("docs/invariants.md"))) {
      Matcher heading = HEADING.matcher(line);
      Matcher proof = PROOF.matcher(line);
      if (heading.matches()) {
        invariant = Integer.parseInt(heading.group(1));
      } else if (proof.matches()) {
        Matcher method = METHOD.matcher(proof.group(2));
        while (method.find()) {
          proofs.add(new Proof(invariant, proof.group(1), method.group(1)));
        }
      }
    }
    return proofs;
  }

  /** Returns the methods of every test class of every module, by the class's simple name. */
  private static Map<String, Set<String>> testMethods() throws IOException {
    Map<String, Set<String>> methods = new HashMap<>();
    try (Stream<Path> files = Files.walk(ROOT)) {
      for (Path file : files.filter(InvariantsPageTest::isTestSource).toList()) {
        Matcher declaration = DECLARATION.matcher(Files.readString(file));
        Set<String> ofClass =
            methods.computeIfAbsent(
                file.getFileName().toString().replace(".java", ""), name -> new HashSet<>());
        while (declaration.find()) {
          ofClass.add(declaration.group(1));
        }
      }
    }
    return methods;
  }

  private static boolean isTestSource(Path file) {
    String path = ROOT.relativize(file).toString();
    boolean tests = path.contains("src/test/java/") || path.startsWith("vmm-tck/src/main/java/");
    return tests && path.endsWith(".java") && !path.contains("/target/");
  }

  @Test
  void everyTestThatThePageNamesExists() throws IOException {
    Map<String, Set<String>> methods = testMethods();

    assertThat(proofs())
        .isNotEmpty()
        .allSatisfy(
            proof -> {
              assertThat(methods)
                  .as("test class %s", proof.className())
                  .containsKey(proof.className());
              assertThat(methods.get(proof.className()))
                  .as("tests of %s", proof.className())
                  .contains(proof.method());
            });
  }

  @Test
  void everyInvariantHasAProof() throws IOException {
    assertThat(proofs().stream().map(Proof::invariant).distinct())
        .containsExactlyElementsOf(IntStream.rangeClosed(1, 16).boxed().toList());
  }

  @Test
  void aNumberInATestsNameIsThatOfItsInvariant() throws IOException {
    assertThat(proofs())
        .filteredOn(proof -> proof.method().matches("(i\\d\\d_)+.*"))
        .isNotEmpty()
        .allMatch(proof -> proof.method().contains(String.format("i%02d_", proof.invariant())));
  }
}
