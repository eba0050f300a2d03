package dev.vmm.tools.dmardump;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Properties;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Answers {@code --version} from the number that the build put into {@code version.properties}. */
public final class ToolVersion implements IVersionProvider {
  @Spec private @org.jspecify.annotations.Nullable CommandSpec spec;

  /** Returns the tool's name and version, and the Java that runs it. */
  @Override
  public String[] getVersion() {
    String name = spec == null ? "dmardump" : spec.name();
    return new String[] {name + " " + number() + " (Java " + Runtime.version().feature() + ")"};
  }

  /** Returns the tools' version. */
  static String number() {
    Properties properties = new Properties();
    try (InputStream in = ToolVersion.class.getResourceAsStream("version.properties")) {
      if (in != null) {
        properties.load(in);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return properties.getProperty("version", "unknown");
  }
}
