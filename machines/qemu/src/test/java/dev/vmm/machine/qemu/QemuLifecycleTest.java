package dev.vmm.machine.qemu;

import static dev.vmm.machine.qemu.Waiting.assertGone;
import static dev.vmm.machine.qemu.Waiting.await;
import static dev.vmm.machine.qemu.Waiting.isEmpty;
import static dev.vmm.machine.qemu.Waiting.runs;
import static dev.vmm.machine.qemu.Waiting.shell;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import dev.vmm.machine.Machines;
import dev.vmm.machine.RegisterBlock;
import dev.vmm.pci.Rid;
import dev.vmm.testing.RequiresQemu;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** How machines come up, fail to, and go away; every test ends with an empty directory. */
@Timeout(60)
class QemuLifecycleTest {
  private static final long UNIT = 0xfed90000L;

  @TempDir Path scripts;
  @TempDir Path temporary;
  private String oldTemporary;

  @BeforeEach
  void useOwnDirectory() {
    oldTemporary = System.setProperty("java.io.tmpdir", temporary.toString());
  }

  @AfterEach
  void nothingIsLeftBehind() {
    System.setProperty("java.io.tmpdir", oldTemporary);
    await("the temporary directory to be empty", () -> isEmpty(temporary));
  }

  @Test
  void aMissingBinaryNamesWhatToInstall() {
    assertFails(
        "qemu:intel,binary=/nonexistent/qemu",
        Errno.ENXIO,
        "cannot run QEMU (/nonexistent/qemu)",
        "apt-get install qemu-system-x86");
  }

  @Test
  void anOldQemuIsRefused() throws IOException {
    Path old = script("echo 'QEMU emulator version 6.0.1 (Debian)'");

    assertFails("qemu:none,binary=" + old, Errno.ENXIO, "is QEMU 6.0", "expected 7.2 or later");
  }

  @Test
  void aProgramThatIsNoQemuIsRefused() throws IOException {
    Path other = script("echo hello; exit 1");

    assertFails("qemu:none,binary=" + other, Errno.ENXIO, "says \"hello\"");
  }

  @Test
  void i13_aQemuThatNeverConnectsTimesOut() throws IOException {
    Path pid = scripts.resolve("pid");
    Path idle = fakeQemu("echo $$ >" + pid + "; echo I am idle; exec sleep 1000");

    assertFails(
        "qemu:none,timeout=1,binary=" + idle,
        Errno.ETIMEDOUT,
        "did not connect to its qtest socket within 1 s",
        "I am idle");
    assertGone(Long.parseLong(Files.readString(pid).strip()));
  }

  @Test
  void aQemuThatEndsAtOnceIsToldWithItsLastWords() throws IOException {
    Path broken = fakeQemu("echo no room at the inn >&2; exit 3");

    assertFails(
        "qemu:none,binary=" + broken,
        Errno.ENXIO,
        "QEMU has ended with status 3",
        "no room at the inn");
  }

  @Test
  @RequiresQemu
  void aDeviceThatQemuRefusesIsToldWithItsWords() {
    assertFails(
        "qemu:none,device=warp-drive", Errno.ENXIO, "'warp-drive' is not a valid device model");
  }

  @Test
  @RequiresQemu
  void filesAreGoneWhileTheMachineRuns() {
    try (Machine machine = Machines.open("qemu:none,devices=none")) {
      assertThat(isEmpty(temporary)).isTrue();
      machine.memory().write64(16 << 20, 7);
      assertThat(machine.memory().read64(16 << 20)).isEqualTo(7);
    }
  }

  @Test
  @RequiresQemu
  void filesAreForThisUserOnlyAndGoneWhenItFails() throws Exception {
    Path listing = scripts.resolve("listing");
    Path spy = fakeQemu("ls -ld " + temporary + "/vmm-qemu-* >" + listing + "; exit 1");

    assertFails("qemu:none,binary=" + spy, Errno.ENXIO, "status 1");
    assertThat(Files.readString(listing)).startsWith("drwx------");
  }

  @Test
  @RequiresQemu
  void aClosedMachineFailsAndIsClosedOnce() {
    QemuMachine machine = QemuMachine.open("qemu:intel,devices=none");
    RegisterBlock unit = machine.registers(UNIT, 0x1000);
    assertThat(unit.read32(0)).isEqualTo(0x10);

    machine.close();
    machine.close();

    assertGone(machine.process().orElseThrow().pid());
    assertDead(machine, unit, "closed");
  }

  @Test
  @RequiresQemu
  void i13_aQemuThatIsKilledDuringUseFailsInBoundedTime() throws Exception {
    try (QemuMachine machine = QemuMachine.open("qemu:intel,devices=none")) {
      RegisterBlock unit = machine.registers(UNIT, 0x1000);
      CompletableFuture<VmmException> user =
          CompletableFuture.supplyAsync(
              () -> {
                while (true) {
                  try {
                    unit.read32(0);
                  } catch (VmmException e) {
                    return e;
                  }
                }
              });
      await("the user to begin", () -> machine.roundTrips() > 1500);

      machine.process().orElseThrow().destroyForcibly();

      VmmException failure = user.get(5, TimeUnit.SECONDS);
      assertThat(failure.errno()).isEqualTo(Errno.EIO);
      await(
          "memory to fail",
          () -> {
            try {
              machine.memory().read64(0);
              return false;
            } catch (VmmException e) {
              return e.errno() == Errno.EIO;
            }
          });
      assertDead(machine, unit, "");
    }
  }

  @Test
  @RequiresQemu
  void i13_aQemuThatHangsTimesOutAndCanStillBeClosed() throws Exception {
    QemuMachine machine = QemuMachine.open("qemu:intel,devices=none,answer-timeout=1");
    long pid = machine.process().orElseThrow().pid();
    RegisterBlock unit = machine.registers(UNIT, 0x1000);
    shell("kill -STOP " + pid);

    assertThatThrownBy(() -> unit.read32(0))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT))
        .hasMessageContaining("\"readl 0xfed90000\" within 1000 ms")
        .hasMessageContaining("QEMU runs");
    assertDead(machine, unit, "did not answer");
    machine.close();
    assertGone(pid);
  }

  @Test
  @RequiresQemu
  void i13_aConfigAccessToAQemuThatHangsTimesOutAndCanStillBeClosed() throws Exception {
    QemuMachine machine = QemuMachine.open("qemu:intel,devices=none,answer-timeout=1");
    long pid = machine.process().orElseThrow().pid();
    shell("kill -STOP " + pid);
    long start = System.nanoTime();

    assertThatThrownBy(() -> machine.pci().functions())
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.ETIMEDOUT))
        .hasMessageContaining("\"readl 0xb0000000\" within 1000 ms");
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(5));
    assertDead(machine, machine.registers(UNIT, 0x1000), "did not answer");
    machine.close();
    assertGone(pid);
  }

  @Test
  @RequiresQemu
  void twoMachinesAtTheSameTimeShareNothing() {
    try (QemuMachine one = QemuMachine.open("qemu:intel,devices=none")) {
      try (QemuMachine two = QemuMachine.open("qemu:intel,devices=none,ram=128M")) {
        one.memory().write64(32 << 20, 1);
        two.memory().write64(32 << 20, 2);
        one.registers(UNIT, 0x1000).write64(0x20, 0x1000);
        two.registers(UNIT, 0x1000).write64(0x20, 0x2000);
        assertThat(one.memory().read64(32 << 20)).isEqualTo(1);
        assertThat(one.registers(UNIT, 0x1000).read64(0x20)).isEqualTo(0x1000);
        assertThat(two.registers(UNIT, 0x1000).read64(0x20)).isEqualTo(0x2000);
      }
      assertThat(one.registers(UNIT, 0x1000).read32(0)).isEqualTo(0x10);
      assertThat(one.memory().read64(32 << 20)).isEqualTo(1);
    }
  }

  @Test
  @RequiresQemu
  void nothingIsLeftWhenTheJvmIsKilled() throws Exception {
    Process jvm = otherJvm("qemu:intel");
    long pid;
    try (BufferedReader lines = jvm.inputReader(StandardCharsets.UTF_8)) {
      pid = pid(lines);
      assertThat(runs(pid)).isTrue();
      jvm.destroyForcibly();
      assertThat(jvm.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }

    assertGone(pid);
  }

  @Test
  @RequiresQemu
  void nothingIsLeftWhenTheJvmEndsWithoutClose() throws Exception {
    Process jvm = otherJvm("qemu:intel");
    long pid;
    try (BufferedReader lines = jvm.inputReader(StandardCharsets.UTF_8)) {
      pid = pid(lines);
      jvm.getOutputStream().close(); // tells it to exit
      assertThat(jvm.waitFor(10, TimeUnit.SECONDS)).isTrue();
    }

    assertThat(jvm.exitValue()).isEqualTo(5);
    assertGone(pid);
  }

  @Test
  void nothingIsLeftWhenTheJvmIsKilledDuringStart() throws Exception {
    Path pidFile = scripts.resolve("pid");
    Path idle =
        fakeQemu(
            "echo $$ >"
                + pidFile
                + ".new; mv "
                + pidFile
                + ".new "
                + pidFile
                + "; exec sleep 1000");
    Process jvm = otherJvm("qemu:none,binary=" + idle);
    await("the fake QEMU to start", () -> Files.exists(pidFile));
    assertThat(isEmpty(temporary)).isFalse();
    long pid = Long.parseLong(Files.readString(pidFile).strip());

    jvm.destroyForcibly();

    assertGone(pid);
  }

  @Test
  @RequiresQemu
  void connectsToASocketThatIsAlreadyThereAndLeavesItRunning() throws Exception {
    Path socket = scripts.resolve("qtest");
    Path ram = scripts.resolve("ram");
    Path image = scripts.resolve("image");
    for (Path file : List.of(ram, image)) {
      try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
        made.setLength(128 << 20);
      }
    }
    QemuOptions options = QemuOptions.parse("qemu:intel,ram=128M");
    List<String> command = new ArrayList<>(new QemuCommand(options, ram, image, socket).words());
    command.replaceAll(word -> word.equals("unix:" + socket) ? word + ",server=on,wait=off" : word);
    Process qemu =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(scripts.resolve("log").toFile())
            .start();
    try {
      await("the socket", () -> Files.exists(socket));
      String name = "qemu:intel,ram=128M,socket=" + socket + ",ram-file=" + ram;
      assertFails(name.replace("128M", "1G"), Errno.EINVAL, "expected 0x40000000 or more");
      try (QemuMachine machine = QemuMachine.open(name)) {
        assertThat(machine.process()).isEmpty();
        assertThat(machine.registers(UNIT, 0x1000).read32(0)).isEqualTo(0x10);
        assertThat(machine.pci().function(Rid.parse("00:02.0"))).isPresent();
        machine.memory().write64(32 << 20, 0x55);
        assertThat(machine.qtest().read(32 << 20, 8)).isEqualTo(0x55);
      }
      assertFails(
          name.replace("intel", "amd") + ",timeout=1",
          Errno.ETIMEDOUT,
          "firmware of qemu:amd",
          "within 1 s: expected the tables MCFG and IVRS among [FACP");
      assertThat(qemu.isAlive()).isTrue();
    } finally {
      qemu.destroyForcibly().waitFor();
    }
    assertFails(
        "qemu:intel,ram=128M,socket=" + socket + ",ram-file=" + ram,
        Errno.ENXIO,
        "cannot connect to the QEMU at " + socket);
  }

  @Test
  @RequiresQemu
  void amdMachineHasItsTableAndFunction() {
    try (Machine machine = Machines.open("qemu:amd")) {
      assertThat(machine.acpi().find("IVRS")).isPresent();
      assertThat(machine.pci().function(Rid.parse("00:01.0")).orElseThrow().classCode())
          .isEqualTo(0x080600);
      assertThat(machine.pci().function(Rid.parse("00:02.0")).orElseThrow().vendorId())
          .isEqualTo(0x1234);
    }
  }

  private static void assertDead(QemuMachine machine, RegisterBlock unit, String message) {
    long start = System.nanoTime();
    List<Runnable> uses =
        List.of(
            () -> unit.read32(0),
            () -> unit.write32(0, 0),
            () -> machine.memory().write64(0x1000, 1),
            () -> machine.memory().allocatePage(),
            () -> machine.pci().functions(),
            () -> machine.pci().write(new Rid(1, 0, 0, 0), 4, 2, 0));
    for (Runnable use : uses) {
      assertThatThrownBy(use::run)
          .isInstanceOfSatisfying(
              VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
          .hasMessageContaining(message);
    }
    assertThat(System.nanoTime() - start).isLessThan(TimeUnit.SECONDS.toNanos(1));
  }

  private static void assertFails(String name, Errno errno, String... messages) {
    assertThatThrownBy(() -> Machines.open(name).close())
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContainingAll(messages);
  }

  /** Opens the machine in a JVM of its own, which prints QEMU's process id. */
  private Process otherJvm(String name) throws IOException {
    return new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "-XX:TieredStopAtLevel=1",
            "-Djava.io.tmpdir=" + temporary,
            "-cp",
            System.getProperty("java.class.path"),
            OpenAndWait.class.getName(),
            name)
        .redirectError(ProcessBuilder.Redirect.INHERIT)
        .start();
  }

  /** Opens a machine, tells its process id, and exits when the standard input ends. */
  static final class OpenAndWait {
    public static void main(String[] args) throws IOException {
      QemuMachine machine = QemuMachine.open(args[0]);
      System.out.println("pid " + machine.process().orElseThrow().pid());
      while (System.in.read() >= 0) {
        // Wait for the end.
      }
      System.exit(5);
    }
  }

  /** Returns the number in the line {@code pid N}; others are the log's. */
  private static long pid(BufferedReader lines) throws IOException {
    String line = lines.readLine();
    while (!line.startsWith("pid ")) {
      line = lines.readLine();
    }
    return Long.parseLong(line.substring(4));
  }

  private Path fakeQemu(String body) throws IOException {
    return script(
        "[ \"$1\" = --version ] && { echo QEMU emulator version 7.2.0; exit 0; }\n" + body);
  }

  private Path script(String body) throws IOException {
    Path file = scripts.resolve("qemu");
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwx------"));
    return file;
  }
}
