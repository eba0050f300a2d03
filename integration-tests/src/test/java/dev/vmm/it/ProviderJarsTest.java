package dev.vmm.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.Presence;
import dev.vmm.core.Vmm;
import dev.vmm.pci.Rid;
import dev.vmm.ppt.PptDriver;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real back end beside jars of others on one class path. */
final class ProviderJarsTest {
  private static final Rid NIC = Rid.parse("00:02.0");
  private static final String PROVIDER =
      """
      package other;
      import dev.vmm.iommu.Iommu;
      import dev.vmm.iommu.spi.*;
      import dev.vmm.machine.Machine;
      public class Provider implements IommuProvider {
        public int spiVersion() { return IommuProvider.SPI_VERSION; }
        public String name() { return "NAME"; }
        public int priority() { return PRIORITY; }
        public ProbeResult probe(Machine machine) { return new ProbeResult.Present(1, "one"); }
        public Iommu open(IommuContext context) { throw new UnsupportedOperationException(); }
      }
      """;

  @TempDir Path folder;

  private final FakeMachine machine =
      new FakeMachine(new ArrayMemory(64L << 20)).with(FakeDmar.of(FakeDmar.UNIT));

  ProviderJarsTest() {
    machine.pci().add("00:02.0", 0x8086, 0x10d3, 0x020000);
  }

  private interface Body {
    void run(Vmm vmm, PptDriver ppt) throws Exception;
  }

  private void with(Tunables tunables, Path jar, Body body) throws Exception {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    try (URLClassLoader loader =
        new URLClassLoader(new URL[] {jar.toUri().toURL()}, getClass().getClassLoader())) {
      thread.setContextClassLoader(loader);
      try (Vmm vmm = Vmm.open(machine, tunables);
          PptDriver ppt = PptDriver.open(vmm)) {
        body.run(vmm, ppt);
      }
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  private void assertRefused(PptDriver ppt, String... words) {
    assertThatThrownBy(() -> ppt.attach(NIC))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ENXIO))
        .hasMessageStartingWith(Presence.REFUSAL)
        .hasMessageContainingAll(words);
  }

  @Test
  void aBrokenJarIsReportedAndTheRealBackEndIsUsed() throws Exception {
    with(
        Tunables.defaults(),
        jar("broken.jar", "other.Missing", null),
        (vmm, ppt) -> {
          ppt.attach(NIC);
          assertThat(vmm.iommu().present().backend()).isEqualTo("intel-vtd");
          assertThat(vmm.iommu().status())
              .anySatisfy(line -> assertThat(line).contains("other.Missing", "could not be found"));
        });
  }

  @Test
  void aJarOfTheSameNameIsAnErrorThatNamesBoth() throws Exception {
    with(
        Tunables.defaults(),
        jar("twin.jar", "other.Provider", provider("intel-vtd", 7)),
        (vmm, ppt) ->
            assertRefused(ppt, "\"intel-vtd\"", "twin.jar", "other.Provider", "iommu-intel-vtd"));
  }

  @Test
  void aJarOfTheSamePriorityIsAnErrorThatNamesBothUnlessTheUserChooses() throws Exception {
    Path jar = jar("rival.jar", "other.Provider", provider("rival", 100));
    with(
        Tunables.defaults(),
        jar,
        (vmm, ppt) -> assertRefused(ppt, "rival.jar", "iommu-intel-vtd", "hw.vmm.iommu.backend"));
    with(
        Tunables.of(Map.of("hw.vmm.iommu.backend", "intel-vtd")),
        jar,
        (vmm, ppt) -> {
          ppt.attach(NIC);
          assertThat(vmm.iommu().present().backend()).isEqualTo("intel-vtd");
        });
  }

  private static String provider(String name, int priority) {
    return PROVIDER.replace("NAME", name).replace("PRIORITY", Integer.toString(priority));
  }

  /** Packs a jar that declares {@code service}, with its class unless {@code source} is null. */
  private Path jar(String name, String service, String source) throws IOException {
    Path jar = folder.resolve(name);
    try (JarOutputStream entries = new JarOutputStream(Files.newOutputStream(jar))) {
      entries.putNextEntry(new JarEntry("META-INF/services/dev.vmm.iommu.spi.IommuProvider"));
      entries.write(service.getBytes(StandardCharsets.UTF_8));
      if (source != null) {
        Path file = Files.writeString(folder.resolve("Provider.java"), source);
        List<String> arguments =
            List.of(
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                folder.toString(),
                file.toString());
        assertThat(
                ToolProvider.getSystemJavaCompiler()
                    .run(null, null, null, arguments.toArray(String[]::new)))
            .isZero();
        entries.putNextEntry(new JarEntry("other/Provider.class"));
        entries.write(Files.readAllBytes(folder.resolve("other/Provider.class")));
      }
    }
    return jar;
  }
}
