package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.machine.MachineProvider;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/** The class path's and the module path's lists of providers say the same. */
class ProvidersTest {
  @Test
  void moduleAndServiceFilesNameTheSameProviders() throws Exception {
    Path classes =
        Path.of(
            QemuMachineProvider.class.getProtectionDomain().getCodeSource().getLocation().toURI());

    Map<String, List<String>> fromModule = new TreeMap<>();
    try (InputStream module = Files.newInputStream(classes.resolve("module-info.class"))) {
      ModuleDescriptor.read(module)
          .provides()
          .forEach(provides -> fromModule.put(provides.service(), provides.providers()));
    }

    assertThat(fromServiceFiles(classes.resolve("META-INF/services")))
        .isEqualTo(fromModule)
        .containsEntry(
            MachineProvider.class.getName(), List.of(QemuMachineProvider.class.getName()));
  }

  private static Map<String, List<String>> fromServiceFiles(Path services) throws IOException {
    Map<String, List<String>> found = new TreeMap<>();
    try (var files = Files.list(services)) {
      for (Path file : files.toList()) {
        found.put(file.getFileName().toString(), Files.readAllLines(file));
      }
    }
    return found;
  }
}
