package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReader;
import java.lang.module.ModuleReference;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * A service is named for the class path (by {@code @AutoService}) and for the module path (by
 * {@code provides}): the two agree.
 */
final class ServiceDeclarationsTest {
  private static final String SERVICES = "META-INF/services/";

  private static List<ModuleReference> ours() {
    return ModuleFinder.of(OurModules.paths().toArray(java.nio.file.Path[]::new)).findAll().stream()
        .filter(m -> m.descriptor().name().startsWith("dev.vmm"))
        .toList();
  }

  @Test
  void allModulesAreLookedAt() {
    assertThat(ours().stream().map(m -> m.descriptor().name()))
        .contains(
            "dev.vmm.api",
            "dev.vmm.core",
            "dev.vmm.iommu.amd",
            "dev.vmm.iommu.intel",
            "dev.vmm.iommu.amd",
            "dev.vmm.ppt",
            "dev.vmm.machine.model",
            "dev.vmm.machine.qemu",
            "dev.vmm.machine.snapshot",
            "dev.vmm.tools.dmardump",
            "dev.vmm.tools.vmmctl");
    assertThat(
            ours().stream()
                .flatMap(m -> m.descriptor().provides().stream())
                .map(ModuleDescriptor.Provides::service))
        .contains(
            "dev.vmm.iommu.spi.IommuProvider",
            "dev.vmm.machine.MachineProvider",
            "dev.vmm.machine.DmaEngineProvider");
  }

  @TestFactory
  Stream<DynamicTest> classPathAndModulePathNameTheSameProviders() {
    return ours().stream()
        .map(
            module ->
                DynamicTest.dynamicTest(
                    module.descriptor().name(),
                    () ->
                        assertThat(ofClassPath(module))
                            .isEqualTo(ofModulePath(module.descriptor()))));
  }

  private static Map<String, Set<String>> ofModulePath(ModuleDescriptor descriptor) {
    Map<String, Set<String>> services = new TreeMap<>();
    descriptor.provides().forEach(p -> services.put(p.service(), new TreeSet<>(p.providers())));
    return services;
  }

  private static Map<String, Set<String>> ofClassPath(ModuleReference module) throws IOException {
    Map<String, Set<String>> services = new TreeMap<>();
    try (ModuleReader reader = module.open();
        Stream<String> names = reader.list()) {
      for (String name : (Iterable<String>) names::iterator) {
        if (name.startsWith(SERVICES) && !name.endsWith("/")) {
          try (InputStream in = reader.open(name).orElseThrow()) {
            Set<String> providers = new TreeSet<>();
            new String(in.readAllBytes(), StandardCharsets.UTF_8)
                .lines()
                .map(line -> line.replaceFirst("#.*", "").strip())
                .filter(line -> !line.isEmpty())
                .forEach(providers::add);
            services.put(name.substring(SERVICES.length()), providers);
          }
        }
      }
    }
    return services;
  }
}
