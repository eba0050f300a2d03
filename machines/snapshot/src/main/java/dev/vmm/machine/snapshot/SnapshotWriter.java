package dev.vmm.machine.snapshot;

import java.io.IOException;
import java.io.OutputStream;
import java.time.LocalDateTime;
import java.util.zip.Deflater;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Writes entries to a zip as they come, so that none of them stays in memory. The same entries give
 * the same bytes: no time is told. Not thread-safe.
 */
final class SnapshotWriter {
  /** The earliest that a zip can tell; it stands for none. */
  private static final LocalDateTime NO_TIME = LocalDateTime.of(1980, 1, 1, 0, 0);

  private final ZipOutputStream zip;

  SnapshotWriter(OutputStream out) {
    zip = new ZipOutputStream(out);
    zip.setLevel(Deflater.BEST_SPEED);
  }

  void entry(String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTimeLocal(NO_TIME);
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }

  /** Writes the directory; nothing can follow. */
  void finish() throws IOException {
    zip.finish();
  }
}
