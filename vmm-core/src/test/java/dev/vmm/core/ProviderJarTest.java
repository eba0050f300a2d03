package dev.vmm.core;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vmm.iommu.Access;
import dev.vmm.testing.ArrayMemory;
import dev.vmm.testing.FakeMachine;
import dev.vmm.tunable.Tunables;
import java.io.IOException;
import java.io.OutputStream;
import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real jars with {@code META-INF/services}, found by the real service loader. */
class ProviderJarTest {
  private static final String GOOD =
      """
      package jar.good;
      import dev.vmm.iommu.Iommu;
      import dev.vmm.iommu.spi.*;
      import dev.vmm.machine.Machine;
      public class Good implements IommuProvider {
        public int spiVersion() { return IommuProvider.SPI_VERSION; }
        public String name() { return "good"; }
        public ProbeResult probe(Machine machine) { return new ProbeResult.Present(1, "one"); }
        public Iommu open(IommuContext context) { throw new UnsupportedOperationException(); }
      }
      """;

  @TempDir Path dir;

  /** Tells which classes it was asked to define. */
  private static final class Loader extends URLClassLoader {
    final List<String> defined = new CopyOnWriteArrayList<>();

    Loader(List<URL> jars) {
      super(jars.toArray(URL[]::new), ProviderJarTest.class.getClassLoader());
    }

    @Override
    protected Class<?> findClass(String name) throws ClassNotFoundException {
      Class<?> found = super.findClass(name);
      defined.add(name);
      return found;
    }
  }

  @Test
  void i01_openAndPlainVmsLoadNoProviderClass() throws Exception {
    URL jar = jar("good", Map.of("jar.good.Good", GOOD), "jar.good.Good", List.of());
    withLoader(
        List.of(jar),
        (loader, vmm) -> {
          try (VirtualMachine vm = vmm.createVm("plain")) {
            vm.addMemory(0, 4096, Access.READ_WRITE);
            vm.bus().store64(8, 5);
          }
          vmm.iommu().state();
          vmm.iommu().status();
          vmm.sysctls();
          assertThat(loader.defined).isEmpty();
          assertThat(vmm.iommu().present()).isEqualTo(new Presence(true, "good", "one"));
          assertThat(loader.defined).containsExactly("jar.good.Good");
          assertThat(vmm.iommu().state()).isEqualTo(IommuState.OFF);
        });
  }

  @Test
  void everyBrokenJarIsReportedAndTheGoodOneIsUsed() throws Exception {
    List<URL> jars = new ArrayList<>();
    jars.add(
        jar(
            "gone",
            Map.of("jar.gone.Other", "package jar.gone; class Other {}"),
            "jar.gone.Missing",
            List.of()));
    jars.add(
        jar(
            "throws",
            Map.of(
                "jar.thrower.Thrower",
                variant(
                    "thrower",
                    "Thrower",
                    "public Thrower() { throw new IllegalStateException(\"no luck\"); }")),
            "jar.thrower.Thrower",
            List.of()));
    jars.add(
        jar(
            "init",
            Map.of(
                "jar.init.Init",
                variant("init", "Init", "static final int X = Integer.parseInt(\"x\");")),
            "jar.init.Init",
            List.of()));
    jars.add(
        jar(
            "half",
            Map.of(
                "jar.half.Base",
                variant("half", "Base", ""),
                "jar.half.Half",
                "package jar.half; public class Half extends Base {}"),
            "jar.half.Half",
            List.of("jar/half/Base.class")));
    jars.add(
        jar(
            "alien",
            Map.of("jar.alien.Alien", "package jar.alien; public class Alien {}"),
            "jar.alien.Alien",
            List.of()));
    jars.add(
        jar(
            "garbled",
            Map.of("jar.garbled.G", "package jar.garbled; public class G {}"),
            "this is not a class name",
            List.of()));
    jars.add(jar("good", Map.of("jar.good.Good", GOOD), "jar.good.Good", List.of()));
    try (Logs logs = new Logs()) {
      withLoader(
          jars,
          (loader, vmm) -> {
            assertThat(vmm.iommu().present()).isEqualTo(new Presence(true, "good", "one"));
            for (String clue :
                List.of(
                    "jar.gone.Missing",
                    "no luck",
                    "jar.init.Init",
                    "jar/half/Base",
                    "jar.alien.Alien",
                    "garbled.jar")) {
              assertThat(logs.warnings())
                  .as(clue)
                  .anySatisfy(line -> assertThat(line).contains(clue));
            }
            assertThat(logs.warnings()).hasSize(6);
            assertThat(vmm.iommu().status()).containsAll(logs.warnings());
          });
    }
  }

  @Test
  void duplicatesNameBothJars() throws Exception {
    URL one = jar("one", Map.of("jar.good.Good", GOOD), "jar.good.Good", List.of());
    URL two =
        jar(
            "two",
            Map.of(
                "jar.twin.Twin",
                GOOD.replace("jar.good", "jar.twin").replace("class Good", "class Twin")),
            "jar.twin.Twin",
            List.of());
    withLoader(
        List.of(one, two),
        (loader, vmm) -> {
          Presence presence = vmm.iommu().present();
          assertThat(presence.usable()).isFalse();
          assertThat(presence.detail()).contains("\"good\"", "one.jar", "two.jar");
        });
  }

  private static String variant(String name, String type, String member) {
    return GOOD.replace("jar.good", "jar." + name)
        .replace(
            "class Good implements IommuProvider {",
            "class " + type + " implements IommuProvider { " + member);
  }

  private interface Body {
    void run(Loader loader, Vmm vmm) throws Exception;
  }

  private static void withLoader(List<URL> jars, Body body) throws Exception {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    try (Loader loader = new Loader(jars)) {
      thread.setContextClassLoader(loader);
      try (Vmm vmm = Vmm.open(new FakeMachine(new ArrayMemory(64L << 20)), Tunables.defaults())) {
        body.run(loader, vmm);
      }
    } finally {
      thread.setContextClassLoader(before);
    }
  }

  /** Compiles and packs a jar, without the files in {@code leftOut}. */
  private URL jar(String name, Map<String, String> sources, String service, List<String> leftOut)
      throws IOException {
    Path classes = Files.createDirectory(dir.resolve(name));
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "-proc:none",
                "-cp",
                System.getProperty("java.class.path"),
                "-d",
                classes.toString()));
    for (var source : sources.entrySet()) {
      String simple = source.getKey().substring(source.getKey().lastIndexOf('.') + 1);
      Path folder = Files.createDirectories(dir.resolve("src-" + name));
      arguments.add(
          Files.writeString(folder.resolve(simple + ".java"), source.getValue()).toString());
    }
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    assertThat(compiler.run(null, null, null, arguments.toArray(String[]::new))).isZero();
    Path jar = dir.resolve(name + ".jar");
    try (OutputStream out = Files.newOutputStream(jar);
        JarOutputStream entries = new JarOutputStream(out);
        Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        String entry = classes.relativize(file).toString().replace('\\', '/');
        if (!leftOut.contains(entry)) {
          entries.putNextEntry(new JarEntry(entry));
          entries.write(Files.readAllBytes(file));
        }
      }
      entries.putNextEntry(new JarEntry("META-INF/services/dev.vmm.iommu.spi.IommuProvider"));
      entries.write((service + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
    }
    return URI.create(jar.toUri().toString()).toURL();
  }
}
