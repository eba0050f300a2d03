package dev.vmm.machine.qemu;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One QEMU that this JVM started, and its files.
 *
 * <p>The files are deleted as soon as QEMU has opened them, so that nothing stays behind whoever is
 * killed later. A watcher shell, QEMU's own child, kills QEMU when this JVM is gone: it waits for
 * the end of a pipe whose other end only the JVM holds.
 */
final class QemuProcess implements AutoCloseable {
  private static final int MIN_MAJOR = 7;
  private static final int MIN_MINOR = 2;
  private static final Pattern VERSION = Pattern.compile("version ([0-9]{1,4})\\.([0-9]{1,4})");

  private static final long NVME_IMAGE_BYTES = 1 << 20;
  private static final int LAST_WORDS_BYTES = 1000;
  private static final long VERSION_TIMEOUT_NANOS = 10_000_000_000L;
  private static final long LAST_WORDS_NANOS = 200_000_000;
  private static final long END_TIMEOUT_NANOS = 5_000_000_000L;
  private static final long POLL_NANOS = 1_000_000;

  /**
   * Becomes QEMU (exec keeps the process id, so QEMU is the JVM's own child) after leaving the
   * watcher behind. The watcher kills its parent only while that is still QEMU: once QEMU has ended
   * the watcher has another parent, and the number may be somebody else's. Argument 0 is the
   * directory.
   */
  private static final String START =
      """
      exec 3<&0
      (
        trap '' INT TERM HUP QUIT
        while read -r line <&3; do :; done
        read -r self name state parent rest </proc/self/stat
        if [ "$parent" = "$$" ]; then kill -9 "$$"; fi
        rm -rf -- "$0"
      ) &
      exec "$@" 3<&- </dev/null
      """;

  private final Path directory;
  private final FileChannel ram;
  private final RandomAccessFile output;
  private final Process process;
  private @Nullable SocketChannel channel;

  private QemuProcess(QemuOptions options, Path directory) throws IOException {
    this.directory = directory;
    checkVersion(options.binary());
    Path ramFile = directory.resolve("ram");
    Path image = directory.resolve("nvme");
    Path log = directory.resolve("output");
    Path socket = directory.resolve("qtest");
    makeSparse(ramFile, options.ramBytes());
    makeSparse(image, NVME_IMAGE_BYTES);
    Files.createFile(log);
    ram = FileChannel.open(ramFile, StandardOpenOption.READ, StandardOpenOption.WRITE);
    output = new RandomAccessFile(log.toFile(), "r");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      server.configureBlocking(false);
      long deadline = System.nanoTime() + options.timeoutNanos();
      List<String> command = new QemuCommand(options, ramFile, image, socket).words();
      command.addAll(0, List.of("sh", "-c", START, directory.toString()));
      process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
      try {
        channel = accept(server, deadline, options);
      } catch (IOException | RuntimeException e) {
        close();
        throw e;
      }
    } catch (IOException | RuntimeException e) {
      closeQuietly(ram);
      closeQuietly(output);
      throw e;
    }
  }

  /**
   * Starts QEMU and waits for it to connect.
   *
   * @throws VmmException ENXIO if there is no QEMU, it is too old, or it refuses; ETIMEDOUT if it
   *     does not connect
   */
  static QemuProcess start(QemuOptions options) {
    Path directory = null;
    try {
      // Only this user may enter it: createTempDirectory gives rwx------.
      directory =
          Files.createTempDirectory(Path.of(System.getProperty("java.io.tmpdir")), "vmm-qemu-");
      return new QemuProcess(options, directory);
    } catch (IOException e) {
      deleteTree(directory);
      throw new VmmException(
          Errno.EIO,
          "cannot prepare a QEMU in "
              + (directory == null ? System.getProperty("java.io.tmpdir") : directory)
              + ": "
              + e
              + "; is there room, and a path short enough for a socket? (-Djava.io.tmpdir)",
          e);
    } catch (RuntimeException e) {
      deleteTree(directory);
      throw e;
    }
  }

  /** Returns the connection to its qtest socket. */
  SocketChannel channel() {
    SocketChannel connected = channel;
    if (connected == null) {
      throw new IllegalStateException("not connected");
    }
    return connected;
  }

  /** Returns the open RAM file. */
  FileChannel ram() {
    return ram;
  }

  /** Returns the operating system's process. */
  Process process() {
    return process;
  }

  /** Deletes the files, once QEMU has opened all of them. */
  void deleteFiles() {
    deleteTree(directory);
  }

  /**
   * Returns whether it runs, and the last lines that it printed. Waits a moment for its end,
   * because a process that ends closes its connections first.
   */
  String lastWords() {
    awaitEnd(LAST_WORDS_NANOS);
    String state =
        process.isAlive() ? "QEMU runs" : "QEMU has ended with status " + process.exitValue();
    String words = tail();
    return state + (words.isEmpty() ? " and printed nothing" : " and last printed: " + words);
  }

  /**
   * Kills QEMU at once, whatever it is doing: nothing in it needs saving. Deletes the files. Never
   * throws.
   */
  @Override
  public void close() {
    process.destroyForcibly();
    awaitEnd(END_TIMEOUT_NANOS);
    closeQuietly(process.getOutputStream());
    closeQuietly(channel);
    closeQuietly(ram);
    closeQuietly(output);
    deleteTree(directory);
  }

  /** Returns the error for a QEMU that ended before it could be used. */
  VmmException refused(QemuOptions options) {
    return new VmmException(
        Errno.ENXIO,
        "machine "
            + options.name()
            + " did not start: "
            + lastWords()
            + "; check its options, device= first of all");
  }

  private void awaitEnd(long timeoutNanos) {
    long deadline = System.nanoTime() + timeoutNanos;
    while (process.isAlive() && System.nanoTime() - deadline < 0) {
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private SocketChannel accept(ServerSocketChannel server, long deadline, QemuOptions options)
      throws IOException {
    while (true) {
      // Asked first, so that a connection made just before the end is not overlooked.
      boolean alive = process.isAlive();
      SocketChannel connected = server.accept();
      if (connected != null) {
        return connected;
      }
      if (!alive) {
        throw refused(options);
      }
      if (System.nanoTime() - deadline >= 0) {
        throw new VmmException(
            Errno.ETIMEDOUT,
            "machine "
                + options.name()
                + " did not connect to its qtest socket within "
                + options.timeoutNanos() / 1_000_000_000L
                + " s: "
                + lastWords()
                + "; is "
                + options.binary()
                + " a QEMU? Give it longer with timeout=");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
  }

  private void checkVersion(String binary) throws IOException {
    Path answer = directory.resolve("version");
    Process asked;
    try {
      asked =
          new ProcessBuilder(binary, "--version")
              .redirectErrorStream(true)
              .redirectInput(ProcessBuilder.Redirect.from(new java.io.File("/dev/null")))
              .redirectOutput(answer.toFile())
              .start();
    } catch (IOException e) {
      throw new VmmException(
          Errno.ENXIO,
          "cannot run QEMU ("
              + binary
              + "): "
              + e.getMessage()
              + "; install it (Debian: apt-get install qemu-system-x86 seabios) or name it with binary=",
          e);
    }
    long deadline = System.nanoTime() + VERSION_TIMEOUT_NANOS;
    while (asked.isAlive()) {
      if (System.nanoTime() - deadline >= 0) {
        asked.destroyForcibly();
        throw new VmmException(
            Errno.ETIMEDOUT, binary + " --version did not end within 10 s: is it a QEMU?");
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    String text = Files.readString(answer, StandardCharsets.ISO_8859_1);
    Matcher version = VERSION.matcher(text);
    if (!version.find()) {
      throw new VmmException(
          Errno.ENXIO,
          binary
              + " --version says \""
              + text.lines().findFirst().orElse("")
              + "\": expected \"QEMU emulator version ...\"; name another with binary=");
    }
    int major = Integer.parseInt(version.group(1));
    int minor = Integer.parseInt(version.group(2));
    if (major < MIN_MAJOR || (major == MIN_MAJOR && minor < MIN_MINOR)) {
      throw new VmmException(
          Errno.ENXIO,
          binary
              + " is QEMU "
              + major
              + "."
              + minor
              + ": expected 7.2 or later; install one or name it with binary=");
    }
  }

  private String tail() {
    try {
      synchronized (output) {
        long length = output.length();
        long from = Math.max(0, length - LAST_WORDS_BYTES);
        byte[] bytes = new byte[(int) (length - from)];
        output.seek(from);
        output.readFully(bytes);
        return new String(bytes, StandardCharsets.UTF_8).strip();
      }
    } catch (IOException e) {
      return "";
    }
  }

  private static void makeSparse(Path file, long lengthBytes) throws IOException {
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(lengthBytes);
    }
  }

  private static void closeQuietly(@Nullable AutoCloseable closeable) {
    if (closeable == null) {
      return;
    }
    try {
      closeable.close();
    } catch (Exception e) {
      // It is given up either way.
    }
  }

  /** Deletes what can be deleted. */
  private static void deleteTree(@Nullable Path directory) {
    if (directory == null || !Files.exists(directory)) {
      return;
    }
    try {
      Files.walkFileTree(
          directory,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException e) {
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e)
                throws IOException {
              Files.deleteIfExists(visited);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (IOException e) {
      // The watcher removes the rest when the process ends.
    }
  }
}
