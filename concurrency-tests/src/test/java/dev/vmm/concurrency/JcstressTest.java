package dev.vmm.concurrency;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.concurrency.broken.LinkedBeforeFilled;
import dev.vmm.core.AssignAndClose;
import dev.vmm.core.TwoFirstAssigns;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Runs jcstress in a JVM of its own. {@code quick}, the default, is bounded to seconds; every other
 * mode is jcstress's own and takes as long as it takes.
 */
class JcstressTest {
  private static final String MODE = System.getProperty("vmm.jcstress", "quick");
  private static final long QUICK_SECONDS = 300;
  private static final Pattern RESULT = Pattern.compile("\\[([A-Z ]+)\\] (dev\\.vmm\\.[A-Za-z.]+)");

  private static final List<Class<?>> TESTS =
      List.of(
          Publication.class,
          Split.class,
          DisjointMaps.class,
          TwoFirstAssigns.class,
          AssignAndClose.class);

  /** jcstress leaves its results and its forks' logs where it runs. */
  private final Path directory =
      Path.of(System.getProperty("vmm.jcstress.directory", "target/jcstress")).toAbsolutePath();

  @BeforeEach
  void beginEmpty() throws IOException {
    delete();
    Files.createDirectories(directory);
  }

  @AfterEach
  void leaveNothingOfAQuickRun() {
    if (MODE.equals("quick")) {
      delete();
    }
  }

  @Test
  void i04_i15_noThreadSeesWhatMustNotBeSeen() throws Exception {
    String told = run();

    // After that line every test stands once, with what came of all its runs.
    String results = told.substring(told.indexOf("RUN RESULTS:"));
    Map<String, String> byTest = new TreeMap<>();
    Matcher line = RESULT.matcher(results);
    while (line.find()) {
      byTest.put(line.group(2), line.group(1));
    }
    Map<String, String> expected = new TreeMap<>();
    TESTS.forEach(test -> expected.put(test.getName(), "OK"));
    // The mistake that was made on purpose: a run that does not find it proves nothing.
    expected.put(LinkedBeforeFilled.class.getName(), "FAILED");
    assertThat(byTest).as(told).isEqualTo(expected);
  }

  private String run() throws Exception {
    Path output = directory.resolve("output.txt");
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + directory,
                "-cp",
                System.getProperty("java.class.path"),
                "org.openjdk.jcstress.Main",
                "-t",
                "^dev\\.vmm\\.",
                "-r",
                directory.resolve("report").toString(),
                "-m",
                MODE,
                "-v"));
    if (MODE.equals("quick")) {
      command.addAll(
          List.of(
              "-f",
              "1",
              "-iters",
              "5",
              "-time",
              "50",
              "-pth",
              "false",
              "-jvmArgs",
              "-Xmx512m -XX:+UseSerialGC",
              "-sc",
              "false",
              "-af",
              "NONE",
              "-hs",
              "256"));
    }
    Process process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      long seconds = MODE.equals("quick") ? QUICK_SECONDS : TimeUnit.DAYS.toSeconds(1);
      boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
      String told = Files.readString(output, StandardCharsets.UTF_8);
      assertThat(ended).as(told).isTrue();
      assertThat(told).contains("RUN RESULTS:");
      return told;
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly().waitFor();
    }
  }

  private void delete() {
    if (!Files.exists(directory)) {
      return;
    }
    try (Stream<Path> paths = Files.walk(directory)) {
      paths.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
