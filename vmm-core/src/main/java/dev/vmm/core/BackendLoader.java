package dev.vmm.core;

import dev.vmm.iommu.spi.IommuProvider;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** Loads back ends, each on its own: a broken one does not keep the others away. */
final class BackendLoader {
  /** Gives the back ends' loaders, lazily. Production reads the class and module path. */
  @FunctionalInterface
  interface Source {
    /** The back ends of the caller's class and module path. */
    Source SERVICE_LOADER = () -> ServiceLoader.load(IommuProvider.class).stream().iterator();

    /** Begins a new look; the iterator loads as it goes, and may throw anything on the way. */
    Iterator<ServiceLoader.Provider<IommuProvider>> open();
  }

  /**
   * What was found.
   *
   * @param backends those that can be asked
   * @param broken one line for each that could not be loaded
   * @param mismatched one line for each that was made for another version of the SPI, by name
   */
  record Loaded(List<Backend> backends, List<String> broken, Map<String, String> mismatched) {}

  /** Ends a source that fails for ever instead of coming to its end. */
  private static final int MAX_FAILURES_IN_A_ROW = 1000;

  private BackendLoader() {}

  static Loaded load(Source source) {
    Loaded loaded = new Loaded(new ArrayList<>(), new ArrayList<>(), new TreeMap<>());
    Iterator<ServiceLoader.Provider<IommuProvider>> providers = source.open();
    int failures = 0;
    while (failures < MAX_FAILURES_IN_A_ROW) {
      ServiceLoader.Provider<IommuProvider> provider;
      try {
        if (!providers.hasNext()) {
          break;
        }
        provider = providers.next();
        failures = 0;
      } catch (Throwable e) {
        failures++;
        loaded.broken().add("a back end could not be found: " + describe(e));
        continue;
      }
      add(provider, loaded);
    }
    return loaded;
  }

  private static void add(ServiceLoader.Provider<IommuProvider> loader, Loaded loaded) {
    String whence = "an unknown class";
    try {
      whence = Backend.whence(loader.type());
      IommuProvider provider = loader.get();
      whence = Backend.whence(provider.getClass());
      int version = provider.spiVersion();
      String name = provider.name();
      if (name == null || name.isBlank()) {
        loaded.broken().add("the back end " + whence + " is broken: it has no name");
      } else if (version != IommuProvider.SPI_VERSION) {
        loaded
            .mismatched()
            .put(
                name,
                String.format(
                    "back end \"%s\" (%s) was made for version %d of the back-end interface:"
                        + " expected %d; replace or remove it",
                    name, whence, version, IommuProvider.SPI_VERSION));
      } else {
        loaded.backends().add(new Backend(provider, name, whence));
      }
    } catch (Throwable e) {
      loaded.broken().add("the back end " + whence + " is broken: " + describe(e));
    }
  }

  private static String describe(Throwable e) {
    if (e instanceof VirtualMachineError fatal && !(e instanceof StackOverflowError)) {
      throw fatal;
    }
    StringBuilder text = new StringBuilder(e.toString());
    Throwable cause = e.getCause();
    for (int depth = 0; cause != null && depth < 5; depth++) {
      text.append(", because of ").append(cause);
      cause = cause.getCause();
    }
    return text.toString();
  }
}
