package dev.vmm.machine.snapshot;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.machine.Machine;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import java.util.function.Consumer;

/** Records machines to files. Stateless and thread-safe. */
public final class Snapshots {
  private static final int BUFFER_BYTES = 1 << 16;

  private Snapshots() {}

  /**
   * Records what an inspection reads. The file appears whole or not at all: it is written beside
   * its place under another name, and replaces what was there only when all of it is on the disk.
   *
   * @param machine the machine; not closed
   * @param file where to
   * @param creator the program with its version
   * @param inspection reads the machine that it is given; what it reads is recorded
   * @throws VmmException ENOENT if the file's folder is not there, EINVAL if the file is there and
   *     is not an ordinary one, EIO if it cannot be written; what the inspection throws
   */
  public static void save(
      Machine machine, Path file, String creator, Consumer<Machine> inspection) {
    if (file.getFileName() == null || (Files.exists(file) && !Files.isRegularFile(file))) {
      throw VmmException.invalid(
          "%s is not an ordinary file: a snapshot is not written to it; name another", file);
    }
    Path temporary = file.resolveSibling(file.getFileName() + "." + UUID.randomUUID() + ".part");
    try {
      temporary.toFile().deleteOnExit();
      try (FileChannel channel =
          FileChannel.open(temporary, StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW)) {
        OutputStream out =
            new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES);
        RecordingMachine recording = new RecordingMachine(machine, out, creator, "");
        inspection.accept(recording);
        recording.finish();
        out.flush();
        channel.force(true);
      }
      move(temporary, file);
    } catch (NoSuchFileException e) {
      throw new VmmException(
          Errno.ENOENT, "cannot write " + file + ": its folder is not there; make it first", e);
    } catch (IOException e) {
      throw new VmmException(
          Errno.EIO,
          "cannot write "
              + file
              + ": "
              + (e instanceof AccessDeniedException ? "permission denied" : e.getMessage()),
          e);
    } finally {
      discard(temporary);
    }
  }

  private static void move(Path from, Path to) throws IOException {
    try {
      Files.move(from, to, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } catch (AtomicMoveNotSupportedException e) {
      Files.move(from, to, StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static void discard(Path temporary) {
    try {
      Files.deleteIfExists(temporary);
    } catch (IOException e) {
      // What cannot be deleted now is deleted when the JVM ends.
    }
  }
}
