package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.module.Configuration;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import org.junit.jupiter.api.Test;

/**
 * The modules resolve as modules, and back ends and machines are found as services there, by
 * nothing but their presence.
 */
final class ModulePathTest {
  @Test
  void backEndsAndMachinesAreBoundOnTheModulePath() throws Exception {
    ModuleFinder finder = ModuleFinder.of(OurModules.paths().toArray(Path[]::new));
    Configuration configuration =
        ModuleLayer.boot()
            .configuration()
            .resolveAndBind(finder, ModuleFinder.of(), Set.of("dev.vmm.ppt"));
    ModuleLayer layer =
        ModuleLayer.boot()
            .defineModulesWithOneLoader(configuration, ClassLoader.getPlatformClassLoader());

    assertThat(layer.modules().stream().map(Module::getName))
        .contains(
            "dev.vmm.core",
            "dev.vmm.iommu.amd",
            "dev.vmm.iommu.intel",
            "dev.vmm.machine.model",
            "dev.vmm.machine.qemu");
    assertThat(services(layer, "dev.vmm.iommu.spi.IommuProvider", "name"))
        .containsExactlyInAnyOrder("amd-vi", "intel-vtd");
    assertThat(services(layer, "dev.vmm.machine.MachineProvider", "scheme"))
        .containsExactlyInAnyOrder("model", "qemu", "snapshot");
  }

  private static List<Object> services(ModuleLayer layer, String service, String property)
      throws Exception {
    Class<?> type = layer.findLoader("dev.vmm.api").loadClass(service);
    List<Object> values = new ArrayList<>();
    for (Object provider : ServiceLoader.load(layer, type)) {
      values.add(type.getMethod(property).invoke(provider));
    }
    return values;
  }
}
