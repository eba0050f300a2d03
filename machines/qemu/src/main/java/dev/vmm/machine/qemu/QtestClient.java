package dev.vmm.machine.qemu;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Speaks QEMU's qtest protocol: one command line, one answer line.
 *
 * <p>One round trip at a time, whatever the number of threads. After the first lost or late answer
 * the two sides are out of step, so every later call fails at once with EIO that repeats the cause.
 */
final class QtestClient implements AutoCloseable {
  /** The most bytes that one bulk command carries. */
  private static final int BULK_BYTES = 4096;

  private static final int LONGEST_LINE = 4 * BULK_BYTES;

  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final long answerTimeoutNanos;
  private final Supplier<String> postMortem;
  private final Consumer<VmmException> onDeath;

  private final Object lock = new Object();
  private final ByteBuffer input = ByteBuffer.allocate(LONGEST_LINE).flip();
  private final AtomicReference<@Nullable VmmException> death = new AtomicReference<>();
  private volatile long roundTrips;

  /** Whether the thread that holds the lock was interrupted while it waited. */
  private boolean interrupted;

  /**
   * Takes the channel over.
   *
   * @param answerTimeoutNanos how long an answer may take
   * @param postMortem what else is known when the connection breaks
   * @param onDeath called once, with the reason, when no more answers are to be had
   */
  QtestClient(
      SocketChannel channel,
      long answerTimeoutNanos,
      Supplier<String> postMortem,
      Consumer<VmmException> onDeath)
      throws IOException {
    this.channel = channel;
    this.answerTimeoutNanos = answerTimeoutNanos;
    this.postMortem = postMortem;
    this.onDeath = onDeath;
    // A channel that does not block is not closed by an interrupt of the thread that reads it.
    channel.configureBlocking(false);
    selector = Selector.open();
    key = channel.register(selector, SelectionKey.OP_READ);
  }

  /** Reads 1, 2, 4 or 8 bytes of the machine's address space by one access. */
  long read(long hpa, int widthBytes) {
    String command = "read" + suffix(widthBytes) + " 0x" + Long.toHexString(hpa) + "\n";
    return number(command, answer(command)) & mask(widthBytes);
  }

  /** Writes 1, 2, 4 or 8 bytes by one access. */
  void write(long hpa, int widthBytes, long value) {
    answer(
        "write"
            + suffix(widthBytes)
            + " 0x"
            + Long.toHexString(hpa)
            + " 0x"
            + Long.toHexString(value & mask(widthBytes))
            + "\n");
  }

  /** Reads 1, 2 or 4 bytes of an I/O port. */
  int in(int port, int widthBytes) {
    String command = "in" + suffix(widthBytes) + " 0x" + Integer.toHexString(port) + "\n";
    return (int) (number(command, answer(command)) & mask(widthBytes));
  }

  /** Writes 1, 2 or 4 bytes to an I/O port. */
  void out(int port, int widthBytes, int value) {
    answer(
        "out"
            + suffix(widthBytes)
            + " 0x"
            + Integer.toHexString(port)
            + " 0x"
            + Long.toHexString(value & mask(widthBytes))
            + "\n");
  }

  /** Reads bytes as the processor sees them. */
  byte[] readBytes(long hpa, int length) {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; done += BULK_BYTES) {
      int part = Math.min(BULK_BYTES, length - done);
      String command =
          "read 0x" + Long.toHexString(hpa + done) + " 0x" + Integer.toHexString(part) + "\n";
      String answer = answer(command);
      if (answer.length() != 2 + 2 * part || !answer.startsWith("0x")) {
        throw unexpected(command, answer);
      }
      for (int i = 0; i < part; i++) {
        int high = Character.digit(answer.charAt(2 + 2 * i), 16);
        int low = Character.digit(answer.charAt(3 + 2 * i), 16);
        if (high < 0 || low < 0) {
          throw unexpected(command, answer);
        }
        bytes[done + i] = (byte) (high << 4 | low);
      }
    }
    return bytes;
  }

  /** Writes bytes as the processor does. */
  void writeBytes(long hpa, byte[] bytes) {
    for (int done = 0; done < bytes.length; done += BULK_BYTES) {
      int part = Math.min(BULK_BYTES, bytes.length - done);
      StringBuilder command = new StringBuilder(40 + 2 * part);
      command.append("write 0x").append(Long.toHexString(hpa + done));
      command.append(" 0x").append(Integer.toHexString(part)).append(" 0x");
      for (int i = done; i < done + part; i++) {
        command.append(Character.forDigit(bytes[i] >> 4 & 0xf, 16));
        command.append(Character.forDigit(bytes[i] & 0xf, 16));
      }
      answer(command.append('\n').toString());
    }
  }

  /** Waits until QEMU answers at all, which it does once it has built the machine. */
  void greet() {
    answer("endianness\n");
  }

  /** Returns the number of commands that were sent. */
  long roundTrips() {
    return roundTrips;
  }

  /** Fails (EIO) if the connection is known to be dead. */
  void requireAlive() {
    VmmException cause = death.get();
    if (cause != null) {
      throw new VmmException(Errno.EIO, "QEMU no longer answers: " + cause.getMessage(), cause);
    }
  }

  /** Declares the connection dead; the first cause stays. */
  VmmException die(VmmException cause) {
    if (death.compareAndSet(null, cause)) {
      onDeath.accept(cause);
      selector.wakeup();
    }
    return cause;
  }

  @Override
  public void close() {
    die(new VmmException(Errno.EIO, "the machine was closed; open it again"));
    try {
      selector.close();
    } catch (IOException e) {
      // Nothing depends on it any more.
    }
    try {
      channel.close();
    } catch (IOException e) {
      // As above.
    }
  }

  /** Sends a line that ends in {@code \n}; returns the answer without its {@code OK}. */
  private String answer(String command) {
    String line;
    synchronized (lock) {
      requireAlive();
      long deadline = System.nanoTime() + answerTimeoutNanos;
      interrupted = Thread.interrupted();
      try {
        // Written under the lock only.
        roundTrips = roundTrips + 1;
        send(command, deadline);
        line = receive(command, deadline);
        while (line.startsWith("IRQ")) {
          line = receive(command, deadline);
        }
      } catch (IOException | ClosedSelectorException | CancelledKeyException e) {
        requireAlive();
        throw die(
            new VmmException(
                Errno.EIO,
                "qtest connection broke at \""
                    + brief(command)
                    + "\": "
                    + e
                    + "; "
                    + postMortem.get(),
                e));
      } finally {
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
      }
    }
    if (line.equals("OK")) {
      return "";
    }
    if (!line.startsWith("OK ")) {
      throw unexpected(command, line);
    }
    return line.substring(3);
  }

  private void send(String command, long deadline) throws IOException {
    ByteBuffer output = ByteBuffer.wrap(command.getBytes(StandardCharsets.US_ASCII));
    channel.write(output);
    if (!output.hasRemaining()) {
      return;
    }
    key.interestOps(SelectionKey.OP_WRITE);
    while (output.hasRemaining()) {
      await(command, deadline);
      channel.write(output);
    }
    key.interestOps(SelectionKey.OP_READ);
  }

  private String receive(String command, long deadline) throws IOException {
    int scanned = input.position();
    while (true) {
      for (; scanned < input.limit(); scanned++) {
        if (input.get(scanned) == '\n') {
          String line =
              new String(
                  input.array(),
                  input.position(),
                  scanned - input.position(),
                  StandardCharsets.US_ASCII);
          input.position(scanned + 1);
          return line.strip();
        }
      }
      scanned -= input.position();
      input.compact();
      if (!input.hasRemaining()) {
        throw new IOException("an answer of more than " + LONGEST_LINE + " bytes");
      }
      int count = channel.read(input);
      while (count == 0) {
        await(command, deadline);
        count = channel.read(input);
      }
      input.flip();
      if (count < 0) {
        throw new IOException("QEMU closed the connection");
      }
    }
  }

  private void await(String command, long deadline) throws IOException {
    requireAlive();
    long left = deadline - System.nanoTime();
    if (left <= 0) {
      throw die(
          new VmmException(
              Errno.ETIMEDOUT,
              String.format(
                  "QEMU did not answer \"%s\" within %d ms: %s",
                  brief(command),
                  TimeUnit.NANOSECONDS.toMillis(answerTimeoutNanos),
                  postMortem.get())));
    }
    selector.select(TimeUnit.NANOSECONDS.toMillis(left) + 1);
    selector.selectedKeys().clear();
    // An interrupt would end every later select at once; the caller finds it set again.
    if (Thread.interrupted()) {
      interrupted = true;
    }
  }

  private static String suffix(int widthBytes) {
    return switch (widthBytes) {
      case 1 -> "b";
      case 2 -> "w";
      case 4 -> "l";
      case 8 -> "q";
      default ->
          throw VmmException.invalid(
              "access of %d bytes: expected a width of 1, 2, 4 or 8", widthBytes);
    };
  }

  private static long mask(int widthBytes) {
    return -1L >>> (64 - 8 * widthBytes);
  }

  private static long number(String command, String text) {
    try {
      return text.startsWith("0x")
          ? Long.parseUnsignedLong(text, 2, text.length(), 16)
          : Long.parseUnsignedLong(text);
    } catch (NumberFormatException e) {
      throw unexpected(command, text);
    }
  }

  private static VmmException unexpected(String command, String answer) {
    return new VmmException(
        Errno.EIO,
        "QEMU answered \""
            + brief(command)
            + "\" with \""
            + brief(answer)
            + "\": expected OK and a value; is this a qtest socket of QEMU 7.2 or later?");
  }

  private static String brief(String line) {
    String text = line.strip();
    return text.length() <= 80 ? text : text.substring(0, 80) + "...";
  }
}
