package dev.vmm.tools.dmardump;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.iommu.spi.IommuProvider;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.function.Consumer;

/** The back ends on the path, for what a tool asks of all of them. Stateless and thread-safe. */
public final class BackEnds {
  /** A class path with more broken back ends than this is not searched any further. */
  private static final int MAX_BROKEN = 64;

  private BackEnds() {}

  /**
   * Loads every back end and hands it on, each on its own: a broken one is left out, and the others
   * go on.
   *
   * @return a sentence for each that is broken
   */
  public static List<String> forEach(Consumer<IommuProvider> action) {
    return forEach(ServiceLoader.load(IommuProvider.class), action);
  }

  /**
   * Returns the back ends of the path and of every jar in a folder.
   *
   * @throws VmmException ENOENT if the folder cannot be read
   */
  static ServiceLoader<IommuProvider> in(Path folder) {
    List<URL> jars = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.jar")) {
      for (Path file : files) {
        jars.add(file.toUri().toURL());
      }
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENOENT,
          "cannot read the folder " + folder + " of back ends: name a folder with jars",
          e);
    }
    return ServiceLoader.load(
        IommuProvider.class,
        new URLClassLoader(jars.toArray(new URL[0]), BackEnds.class.getClassLoader()));
  }

  static List<String> forEach(Iterable<IommuProvider> providers, Consumer<IommuProvider> action) {
    List<String> warnings = new ArrayList<>();
    Iterator<IommuProvider> iterator = providers.iterator();
    while (warnings.size() < MAX_BROKEN) {
      try {
        if (!iterator.hasNext()) {
          break;
        }
        action.accept(iterator.next());
      } catch (ServiceConfigurationError | LinkageError | RuntimeException e) {
        warnings.add("a back end cannot be loaded and is left out: " + e);
      }
    }
    return List.copyOf(warnings);
  }
}
