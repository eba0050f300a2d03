package dev.vmm.it;

import java.io.File;
import java.lang.module.ModuleFinder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** The class path of this run, seen as modules: our own, built just now, and those they need. */
final class OurModules {
  private OurModules() {}

  /** Class-path entries that are modules with a descriptor of their own. */
  static List<Path> paths() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(Path::of)
        .filter(OurModules::isNamedModule)
        .toList();
  }

  private static boolean isNamedModule(Path path) {
    try {
      return ModuleFinder.of(path).findAll().stream().anyMatch(m -> !m.descriptor().isAutomatic());
    } catch (RuntimeException e) {
      return false; // a jar whose name makes no module: not one of ours
    }
  }
}
