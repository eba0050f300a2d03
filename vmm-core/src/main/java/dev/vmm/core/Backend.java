package dev.vmm.core;

import dev.vmm.iommu.spi.IommuProvider;

/**
 * A back end that could be loaded.
 *
 * @param provider the back end
 * @param name what it calls itself
 * @param whence its class and the jar it comes from
 */
record Backend(IommuProvider provider, String name, String whence) {

  /** Returns where a class comes from, for messages that must tell two jars apart. */
  static String whence(Class<?> type) {
    var source = type.getProtectionDomain().getCodeSource();
    return type.getName() + " in " + (source == null ? "the JDK image" : source.getLocation());
  }
}
