package dev.vmm.it;

import static org.assertj.core.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Whether QEMU is here. In CI its absence is a failure, elsewhere the tests that need it are skipped and say so. */
final class Qemu {
  private Qemu() {}

  static void require() {
    boolean found =
        Arrays.stream(System.getenv("PATH").split(File.pathSeparator))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, "qemu-system-x86_64")));
    if (!found && "true".equals(System.getenv("CI"))) {
      fail("qemu-system-x86_64 is not on the PATH, and in CI it must be: see .ci/run");
    }
    assumeTrue(found, "skipped: qemu-system-x86_64 is not on the PATH (Debian: qemu-system-x86 seabios ipxe-qemu)");
  }
}
