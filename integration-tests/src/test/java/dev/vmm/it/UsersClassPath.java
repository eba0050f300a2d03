package dev.vmm.it;

import java.io.File;
import java.util.Arrays;
import java.util.stream.Collectors;

/** The class path of this run without tests, which bring settings of their own for the log. */
final class UsersClassPath {
  private UsersClassPath() {}

  /** Returns what a user's program would have. */
  static String get() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !isTests(entry))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static boolean isTests(String entry) {
    return entry.endsWith("-tests.jar")
        || entry.endsWith("test-classes")
        || entry.endsWith("test-classes" + File.separator);
  }
}
