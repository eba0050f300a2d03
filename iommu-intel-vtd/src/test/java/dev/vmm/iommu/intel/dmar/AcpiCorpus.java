package dev.vmm.iommu.intel.dmar;

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
final class AcpiCorpus {
  static final Path FOLDER =
      Path.of(System.getProperty("vmm.acpi.corpus", "../../shared/acpi-corpus"));

  private AcpiCorpus() {}

  /** Returns the DMAR files, none where there is no corpus. */
  static List<Path> filesIfPresent() {
    if (!Files.isDirectory(FOLDER)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(FOLDER)) {
      return files.filter(file -> file.toString().endsWith(".dmar.bin")).sorted().toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the DMAR files; skips the test, saying so, where there is no corpus. */
  static List<Path> files() {
    List<Path> files = filesIfPresent();
    assumeTrue(
        !files.isEmpty(),
        () ->
            "no *.dmar.bin in "
                + FOLDER.toAbsolutePath().normalize()
                + ": set -Dvmm.acpi.corpus to a folder of real tables");
    return files;
  }

  static AcpiTable table(Path file) {
    try {
      return AcpiTable.of(Files.readAllBytes(file), file.getFileName().toString());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
