package dev.vmm.testing;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.vmm.acpi.AcpiTable;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Tables of real machines, found beside the checkout; the system property {@code vmm.acpi.corpus}
 * says where else.
 */
public final class AcpiCorpus {
  private static final Path FOLDER =
      Path.of(System.getProperty("vmm.acpi.corpus", "../../shared/acpi-corpus"));

  private AcpiCorpus() {}

  /** Returns the files of one kind, none where there is no corpus. */
  public static List<Path> filesIfPresent(String suffix) {
    if (!Files.isDirectory(FOLDER)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(suffix)).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Returns the files of one kind; skips the test, saying so, where there are none.
   *
   * @param suffix such as {@code .dmar.bin}
   */
  public static List<Path> files(String suffix) {
    List<Path> files = filesIfPresent(suffix);
    assumeTrue(
        !files.isEmpty(),
        () ->
            "no *"
                + suffix
                + " in "
                + FOLDER.toAbsolutePath().normalize()
                + ": set -Dvmm.acpi.corpus to a folder of real tables");
    return files;
  }

  /** Returns the bytes of a file. */
  public static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the table in a file. */
  public static AcpiTable table(Path file) {
    return AcpiTable.of(bytes(file), file.getFileName().toString());
  }
}
