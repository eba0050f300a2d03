package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A back end of a jar that is not on the class path, in the folder that the user names. */
final class BackendPathTest {
  private static final String SOURCE =
      """
      package jar.other;
      import dev.vmm.acpi.AcpiTable;
      import dev.vmm.iommu.Iommu;
      import dev.vmm.iommu.inspect.*;
      import dev.vmm.iommu.spi.*;
      import dev.vmm.machine.Machine;
      import java.util.*;
      public class Other implements IommuProvider, IommuInspector {
        public int spiVersion() { return SPI_VERSION; }
        public String name() { return "other"; }
        public ProbeResult probe(Machine machine) { return new ProbeResult.Absent("none"); }
        public Iommu open(IommuContext context) { throw new UnsupportedOperationException(); }
        public Optional<IommuInspector> inspector() { return Optional.of(this); }
        public Set<String> signatures() { return Set.of("OTHR"); }
        public List<UnitReport> inspect(Machine machine) { return List.of(); }
        public TableReport decode(AcpiTable table) {
          return new TableReport("OTHR", table.origin(), table.lengthBytes(), true,
              List.of(FieldReport.of("Answer", 0x2a)), List.of(), List.of());
        }
      }
      """;

  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private void jar(Path folder) throws IOException {
    Path source = Files.writeString(dir.resolve("Other.java"), SOURCE);
    Path classes = Files.createDirectory(dir.resolve("classes"));
    assertThat(
            ToolProvider.getSystemJavaCompiler()
                .run(
                    null,
                    null,
                    null,
                    "-proc:none",
                    "-cp",
                    System.getProperty("java.class.path"),
                    "-d",
                    classes.toString(),
                    source.toString()))
        .isZero();
    try (OutputStream file = Files.newOutputStream(folder.resolve("other.jar"));
        JarOutputStream entries = new JarOutputStream(file);
        Stream<Path> found = Files.walk(classes)) {
      for (Path each : found.filter(Files::isRegularFile).toList()) {
        entries.putNextEntry(new JarEntry(classes.relativize(each).toString().replace('\\', '/')));
        entries.write(Files.readAllBytes(each));
      }
      entries.putNextEntry(new JarEntry("META-INF/services/dev.vmm.iommu.spi.IommuProvider"));
      entries.write("jar.other.Other\n".getBytes(StandardCharsets.UTF_8));
    }
  }

  @Test
  void aBackEndInAJarOfTheFolderDecodesItsTables() throws IOException {
    Path folder = Files.createDirectory(dir.resolve("backends"));
    byte[] bytes = new byte[36];
    System.arraycopy("OTHR".getBytes(StandardCharsets.US_ASCII), 0, bytes, 0, 4);
    bytes[4] = 36;
    String table = Files.write(dir.resolve("table"), bytes).toString();
    assertThat(run("--backend-path", folder.toString(), table)).isEqualTo(2);
    assertThat(err.toString()).contains("has the signature \"OTHR\"");
    assertThat(out.toString()).isEmpty();
    jar(folder);

    assertThat(run("--backend-path", folder.toString(), table)).isZero();
    assertThat(out.toString()).contains("OTHR (" + table + ") 36 bytes", "Answer  0x2a");
  }
}
