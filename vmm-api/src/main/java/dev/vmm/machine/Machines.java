package dev.vmm.machine;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;

/** Opens machines by name through the providers on the class or module path. */
public final class Machines {
  private Machines() {}

  /**
   * Opens the machine of this name, such as {@code qemu:intel,aw-bits=48}.
   *
   * @throws VmmException EINVAL if the name is malformed or its scheme unknown (the message lists
   *     the known ones), or as {@link MachineProvider#open}
   */
  public static Machine open(String name) {
    return open(name, ServiceLoader.load(MachineProvider.class));
  }

  static Machine open(String name, Iterable<MachineProvider> loader) {
    Map<String, MachineProvider> byScheme = new TreeMap<>();
    List<String> broken = new ArrayList<>();
    Providers.forEach(loader, provider -> add(provider, byScheme), broken::add);
    int colon = name.indexOf(':');
    String scheme = colon < 0 ? name : name.substring(0, colon);
    MachineProvider provider = byScheme.get(scheme);
    if (provider == null) {
      throw new VmmException(
          Errno.EINVAL,
          "unknown machine \""
              + name
              + "\": known are "
              + help(byScheme)
              + (broken.isEmpty()
                  ? ""
                  : "; these could not be loaded: " + String.join("; ", broken)));
    }
    return provider.open(name);
  }

  private static void add(MachineProvider provider, Map<String, MachineProvider> byScheme) {
    MachineProvider other = byScheme.putIfAbsent(provider.scheme(), provider);
    if (other != null) {
      throw VmmException.invalid(
          "two machine providers call themselves \"%s\": %s and %s; remove one",
          provider.scheme(), whence(other), whence(provider));
    }
  }

  private static String help(Map<String, MachineProvider> byScheme) {
    if (byScheme.isEmpty()) {
      return "none; add a machine's jar to the class path";
    }
    StringBuilder text = new StringBuilder();
    for (MachineProvider provider : byScheme.values()) {
      text.append(text.length() == 0 ? "" : "; ").append(provider.help());
    }
    return text.toString();
  }

  private static String whence(MachineProvider provider) {
    var source = provider.getClass().getProtectionDomain().getCodeSource();
    return provider.getClass().getName()
        + " in "
        + (source == null ? "the JDK image" : source.getLocation());
  }
}
