package dev.vmm.tck.example;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The page that teaches from the example shows the example. */
class WritingABackendPageTest {
  private static final Path ROOT = Path.of("").toAbsolutePath().getParent();
  private static final Path EXAMPLE = ROOT.resolve("vmm-tck/src/test/java/dev/vmm/tck/example");
  private static final Pattern EXCERPT = Pattern.compile("(?ms)^```java\\n(.*?)^```$");
  private static final Pattern FILE = Pattern.compile("`(Example\\w+)`");

  private static String page() throws IOException {
    return Files.readString(ROOT.resolve("docs/writing-a-backend.md"));
  }

  private static List<Path> sources() throws IOException {
    try (Stream<Path> files = Files.list(EXAMPLE)) {
      return files.filter(file -> file.getFileName().toString().startsWith("Example")).toList();
    }
  }

  /** Without indentation and empty lines: what is left must be the same, line by line. */
  private static String lines(String text) {
    return text.lines()
        .map(String::strip)
        .filter(line -> !line.isEmpty())
        .collect(Collectors.joining("\n", "\n", "\n"));
  }

  @Test
  void everyJavaExcerptStandsInTheExample() throws IOException {
    List<String> sources = new ArrayList<>();
    for (Path file : sources()) {
      sources.add(lines(Files.readString(file)));
    }
    Matcher excerpt = EXCERPT.matcher(page());
    int excerpts = 0;
    while (excerpt.find()) {
      excerpts++;
      String shown = lines(excerpt.group(1));
      assertThat(sources)
          .as("a source of the example with the lines%s", shown)
          .anyMatch(source -> source.contains(shown));
    }
    assertThat(excerpts).isGreaterThanOrEqualTo(10);
  }

  @Test
  void everyFileOfTheExampleIsNamedAndNoOther() throws IOException {
    List<String> files =
        sources().stream()
            .map(file -> file.getFileName().toString().replace(".java", ""))
            .filter(name -> !name.endsWith("Test"))
            .toList();
    List<String> named =
        FILE.matcher(page()).results().map(match -> match.group(1)).distinct().toList();
    assertThat(named).containsExactlyInAnyOrderElementsOf(files);
  }

  @Test
  void everyPathAndPageItLinksToExists() throws IOException {
    Matcher link = Pattern.compile("\\]\\(([^)]+)\\)").matcher(page());
    int links = 0;
    while (link.find()) {
      links++;
      assertThat(ROOT.resolve("docs").resolve(link.group(1))).exists();
    }
    assertThat(links).isPositive();
  }
}
