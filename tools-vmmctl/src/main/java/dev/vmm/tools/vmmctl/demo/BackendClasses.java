package dev.vmm.tools.vmmctl.demo;

import dev.vmm.iommu.spi.IommuProvider;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.management.JMException;
import javax.management.ObjectName;

/**
 * Asks the JVM itself which classes of back ends it has loaded, without loading one: their packages
 * are read from the service files as text.
 */
final class BackendClasses {
  private static final String SERVICES = "META-INF/services/" + IommuProvider.class.getName();

  private BackendClasses() {}

  /** Returns the packages of all back ends on the path, sorted. */
  static List<String> packages() {
    TreeSet<String> packages = new TreeSet<>();
    try {
      ClassLoader loader = BackendClasses.class.getClassLoader();
      for (URL url : Collections.list(loader.getResources(SERVICES))) {
        try (BufferedReader reader =
            new BufferedReader(new InputStreamReader(url.openStream(), StandardCharsets.UTF_8))) {
          reader
              .lines()
              .map(line -> line.replaceFirst("#.*", "").strip())
              .filter(name -> name.contains("."))
              .forEach(name -> packages.add(name.substring(0, name.lastIndexOf('.'))));
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return List.copyOf(packages);
  }

  /**
   * Returns the names of the loaded classes in or below these packages.
   *
   * @throws Step.NotRun if this JVM does not say
   */
  static List<String> loaded(List<String> packages) {
    List<String> found = new ArrayList<>();
    allLoaded()
        .filter(name -> packages.stream().anyMatch(one -> name.startsWith(one + ".")))
        .forEach(found::add);
    return found;
  }

  /** Returns the names of all classes and interfaces that the JVM has loaded. */
  static Stream<String> allLoaded() {
    String hierarchy;
    try {
      hierarchy =
          (String)
              ManagementFactory.getPlatformMBeanServer()
                  .invoke(
                      new ObjectName("com.sun.management:type=DiagnosticCommand"),
                      "vmClassHierarchy",
                      new Object[] {new String[0]},
                      new String[] {String[].class.getName()});
    } catch (JMException e) {
      throw new Step.NotRun("this JVM does not list its classes: " + e);
    }
    // A line is a drawn tree, the name, a slash and the class loader: "|
    // |--java.lang.Number/null".
    return hierarchy
        .lines()
        .map(line -> line.replaceFirst("^[| -]*", ""))
        .filter(line -> line.indexOf('/') > 0)
        .map(line -> line.substring(0, line.indexOf('/')));
  }
}
