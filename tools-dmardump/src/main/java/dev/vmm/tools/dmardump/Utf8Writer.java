package dev.vmm.tools.dmardump;

import java.io.IOException;
import java.io.OutputStream;
import java.io.Writer;
import java.nio.charset.StandardCharsets;

/**
 * Writes text as UTF-8, a string at a time: the JDK's own writer looks at each character, which is
 * much of what a run over many tables costs. Not thread-safe.
 */
final class Utf8Writer extends Writer {
  private final OutputStream out;
  private final byte[] bytes = new byte[1 << 14];
  private int length;

  /** The first half of a character whose second is not written yet; 0 if there is none. */
  private char half;

  Utf8Writer(OutputStream out) {
    this.out = out;
  }

  @Override
  public void write(String text, int from, int count) throws IOException {
    encode(text.substring(from, from + count));
  }

  @Override
  public void write(char[] text, int from, int count) throws IOException {
    int end = from + count;
    int at = half == 0 ? ascii(text, from, end) : from;
    if (at < end) {
      encode(new String(text, at, end - at));
    }
  }

  /** Writes what is ASCII up to the first that is not, without a copy: a domain has megabytes. */
  private int ascii(char[] text, int from, int end) throws IOException {
    int at = from;
    while (at < end && text[at] < 0x80) {
      if (length == bytes.length) {
        drain();
      }
      int to = length;
      int stop = Math.min(end, at + bytes.length - to);
      while (at < stop && text[at] < 0x80) {
        bytes[to++] = (byte) text[at++];
      }
      length = to;
    }
    return at;
  }

  private void encode(String more) throws IOException {
    String text = more;
    if (half != 0 && !text.isEmpty()) {
      text = half + text;
      half = 0;
    }
    int last = text.length() - 1;
    if (last >= 0 && Character.isHighSurrogate(text.charAt(last))) {
      half = text.charAt(last);
      text = text.substring(0, last);
    }
    put(text.getBytes(StandardCharsets.UTF_8));
  }

  private void put(byte[] more) throws IOException {
    if (more.length > bytes.length - length) {
      drain();
    }
    if (more.length > bytes.length) {
      out.write(more, 0, more.length);
    } else {
      System.arraycopy(more, 0, bytes, length, more.length);
      length += more.length;
    }
  }

  private void drain() throws IOException {
    int count = length;
    length = 0; // what cannot be written is not tried again
    if (count > 0) {
      out.write(bytes, 0, count);
    }
  }

  @Override
  public void flush() throws IOException {
    drain();
    out.flush();
  }

  @Override
  public void close() throws IOException {
    if (half != 0) {
      put(new byte[] {'?'});
      half = 0;
    }
    flush();
    out.close();
  }
}
