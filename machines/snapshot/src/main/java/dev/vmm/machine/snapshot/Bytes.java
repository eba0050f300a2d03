package dev.vmm.machine.snapshot;

import java.io.Closeable;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A file's bytes by position, from disk or from memory. Thread-safe. */
interface Bytes extends Closeable {
  /** Returns how many there are. */
  long size();

  /** Reads {@code length} bytes from {@code position}, which must be there. */
  byte[] read(long position, int length) throws IOException;

  /** Returns the bytes of a file, read when they are asked for. */
  static Bytes of(Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    long size = channel.size();
    return new Bytes() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public byte[] read(long position, int length) throws IOException {
        ByteBuffer target = ByteBuffer.allocate(length);
        while (target.hasRemaining()) {
          if (channel.read(target, position + target.position()) < 0) {
            throw new EOFException("the file has become shorter while it was read");
          }
        }
        return target.array();
      }

      @Override
      public void close() throws IOException {
        channel.close();
      }
    };
  }

  /** Returns these bytes. */
  static Bytes of(byte[] bytes) {
    return new Bytes() {
      @Override
      public long size() {
        return bytes.length;
      }

      @Override
      public byte[] read(long position, int length) {
        return java.util.Arrays.copyOfRange(bytes, (int) position, (int) position + length);
      }

      @Override
      public void close() {}
    };
  }
}
