package dev.vmm.tools.vmmctl;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code vmmctl can-assign} prints, word for word, and how it ends. */
final class CanAssignTest {
  @TempDir Path dir;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... args) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(args, new PrintWriter(out), new PrintWriter(err));
  }

  private void printed(String text) {
    assertThat(out.toString()).isEqualToNormalizingNewlines(text);
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void x() {
    for (String a :
        java.util.List.of("00:02.0", "00:1f.2", "03:01.0", "01:00.0", "00:03.0", "00:1e.0")) {
      System.err.println(run("can-assign", a, "-m", "model:intel,reserved=00:02.0"));
      System.err.println(out + " " + err);
    }
    System.err.println(
        run("can-assign", "00:02.0", "-m", "model:intel,aw=39,qi=off", "--memory", "1T"));
    System.err.println(out + " " + err);
    System.err.println(
        run(
            "can-assign",
            "00:1f.2",
            "-m",
            "model:amd,alias=on",
            "--memory",
            "1T",
            "--json",
            "-t",
            "pptdevs=00:1f.2 00:1f.0"));
    System.err.println(out + " " + err);
    System.err.println(run("can-assign", "00:01.0", "-m", "model:amd,alias=on"));
    System.err.println(out + " " + err);
    System.err.println(run("can-assign", "03:01.0", "-m", "model:amd,alias=on"));
    System.err.println(out + " " + err);
    System.err.println(run("can-assign", "00:02.0", "-m", "model:none", "-t", "pptdevs=00:02.0"));
    System.err.println(out + " " + err);
    String file = dir.resolve("host.snapshot").toString();
    System.err.println(run("dmardump", "save", file, "-m", "model:intel,reserved=00:02.0"));
    System.err.println(out + " " + err);
    System.err.println(run("can-assign", "00:02.0", "-m", "snapshot:" + file));
    System.err.println(out + " " + err);
  }
}
