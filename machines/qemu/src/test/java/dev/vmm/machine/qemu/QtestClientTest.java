package dev.vmm.machine.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The client against a scripted server: what real QEMU would not answer on demand. */
@Timeout(20)
class QtestClientTest {
  private static final String HANG_UP = "hang up";
  private static final long TIMEOUT_NANOS = 300_000_000;

  @TempDir Path directory;

  private final List<String> commands = new CopyOnWriteArrayList<>();
  private final List<VmmException> deaths = new CopyOnWriteArrayList<>();
  private ServerSocketChannel server;
  private SocketChannel peer;
  private QtestClient client;
  private volatile Function<String, String> script = command -> "OK\n";

  @BeforeEach
  void connect() throws IOException {
    server = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    server.bind(UnixDomainSocketAddress.of(directory.resolve("s")));
    SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(directory.resolve("s")));
    peer = server.accept();
    client = new QtestClient(channel, TIMEOUT_NANOS, () -> "it was a script", deaths::add);
    Thread thread = new Thread(this::serve, "scripted qtest");
    thread.setDaemon(true);
    thread.start();
  }

  @AfterEach
  void disconnect() throws IOException {
    client.close();
    peer.close();
    server.close();
  }

  private void serve() {
    try {
      BufferedReader lines =
          new BufferedReader(Channels.newReader(peer, StandardCharsets.US_ASCII));
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        commands.add(line);
        String answer = script.apply(line);
        if (answer.equals(HANG_UP)) {
          peer.close();
          return;
        }
        ByteBuffer bytes = ByteBuffer.wrap(answer.getBytes(StandardCharsets.US_ASCII));
        while (bytes.hasRemaining()) {
          peer.write(bytes);
        }
      }
    } catch (IOException e) {
      // The client has gone.
    }
  }

  @Test
  void sendsTheCommandOfTheWidth() {
    script =
        command -> command.startsWith("read") || command.startsWith("in") ? "OK 0x12\n" : "OK\n";

    assertThat(client.read(0xfed90000L, 1)).isEqualTo(0x12);
    client.read(0xfed90000L, 2);
    client.read(0xfed90000L, 4);
    client.read(0xfed90000L, 8);
    client.write(0x10, 1, -1);
    client.write(0x10, 2, -1);
    client.write(0x10, 4, -1);
    client.write(0xffff_ffff_ffff_fff8L, 8, -1);
    client.in(0x511, 1);
    client.out(0xcf8, 4, 0x80000000);

    assertThat(commands)
        .containsExactly(
            "readb 0xfed90000",
            "readw 0xfed90000",
            "readl 0xfed90000",
            "readq 0xfed90000",
            "writeb 0x10 0xff",
            "writew 0x10 0xffff",
            "writel 0x10 0xffffffff",
            "writeq 0xfffffffffffffff8 0xffffffffffffffff",
            "inb 0x511",
            "outl 0xcf8 0x80000000");
    assertThat(client.roundTrips()).isEqualTo(10);
  }

  @Test
  void readsAllSixtyFourBits() {
    script = command -> "OK 0xfedcba9876543210\n";

    assertThat(client.read(0, 8)).isEqualTo(0xfedcba9876543210L);
  }

  @Test
  void passesOverInterruptLines() {
    script = command -> "IRQ raise 4\nIRQ lower 4\nOK 0x7\n";

    assertThat(client.read(0, 4)).isEqualTo(7);
    assertThat(client.read(8, 4)).isEqualTo(7);
  }

  @Test
  void copiesBytesInParts() {
    ConcurrentHashMap<Long, String> memory = new ConcurrentHashMap<>();
    script =
        command -> {
          String[] words = command.split(" ");
          if (words[0].equals("write")) {
            memory.put(Long.decode(words[1]), words[3]);
            return "OK\n";
          }
          return "OK " + memory.get(Long.decode(words[1])) + "\n";
        };
    byte[] bytes = new byte[4096 + 3];
    new java.util.Random(1).nextBytes(bytes);

    client.writeBytes(0x1000, bytes);

    assertThat(client.readBytes(0x1000, bytes.length)).isEqualTo(bytes);
    assertThat(commands).hasSize(4).element(1).asString().startsWith("write 0x2000 0x3 0x");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ERR invalid\n",
        "FAIL Unknown command 'readl'\n",
        "OK\n",
        "OK 0xzz\n",
        "\n",
        "login:\n"
      })
  void i13_anOddAnswerIsAnIoErrorAndTheNextCommandWorks(String answer) {
    script = command -> commands.size() == 1 ? answer : "OK 0x5\n";

    assertFails(Errno.EIO, "QEMU answered \"readl 0x40\" with");
    assertThat(client.read(0x40, 4)).isEqualTo(5);
    assertThat(deaths).isEmpty();
  }

  @Test
  void i13_noAnswerTimesOutOnceAndThenFailsAtOnce() {
    script = command -> "";

    assertFails(
        Errno.ETIMEDOUT, "QEMU did not answer \"readl 0x40\" within 300 ms: it was a script");
    int sent = commands.size();
    assertFails(Errno.EIO, "QEMU no longer answers: QEMU did not answer \"readl 0x40\"");
    assertThat(commands).hasSize(sent);
    assertThat(deaths).hasSize(1);
  }

  @Test
  void i13_halfAnAnswerTimesOut() {
    script = command -> "OK 0x1";

    assertFails(Errno.ETIMEDOUT, "within 300 ms");
  }

  @Test
  void i13_interruptLinesWithoutEndTimeOut() {
    String storm = "IRQ raise 1\n".repeat(500);
    script =
        command -> {
          while (peer.isOpen() && deaths.isEmpty()) {
            try {
              peer.write(ByteBuffer.wrap(storm.getBytes(StandardCharsets.US_ASCII)));
            } catch (IOException e) {
              return HANG_UP;
            }
          }
          return HANG_UP;
        };

    assertFails(Errno.ETIMEDOUT, "within 300 ms");
  }

  @Test
  void anAnswerWithoutEndIsAnIoError() {
    script = command -> "OK 0x" + "0".repeat(100_000);

    assertFails(Errno.EIO, "an answer of more than 16384 bytes");
  }

  @Test
  void aBrokenConnectionIsAnIoErrorWithTheReason() {
    script = command -> HANG_UP;

    assertFails(Errno.EIO, "qtest connection broke at \"readl 0x40\"");
    assertThat(deaths).singleElement().extracting(VmmException::errno).isEqualTo(Errno.EIO);
    assertFails(Errno.EIO, "it was a script");
  }

  @Test
  void closeEndsAWaitingCall() throws Exception {
    CountDownLatch asked = new CountDownLatch(1);
    script =
        command -> {
          asked.countDown();
          return "";
        };
    CompletableFuture<Throwable> call =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                client.read(0, 4);
                return null;
              } catch (VmmException e) {
                return e;
              }
            });
    assertThat(asked.await(5, TimeUnit.SECONDS)).isTrue();

    client.close();

    assertThat(call.get(5, TimeUnit.SECONDS))
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EIO))
        .hasMessageContaining("closed");
  }

  @Test
  void anInterruptedThreadStillGetsItsAnswerAndStaysInterrupted() {
    script = command -> "OK 0x9\n";

    Thread.currentThread().interrupt();

    assertThat(client.read(0, 4)).isEqualTo(9);
    assertThat(Thread.interrupted()).isTrue();
    assertThat(client.read(0, 4)).isEqualTo(9);
  }

  @Test
  void manyThreadsGetTheirOwnAnswers() {
    script = command -> "OK " + command.substring(command.indexOf(' ') + 1) + "\n";

    long wrong =
        java.util.stream.LongStream.range(0, 400)
            .parallel()
            .filter(hpa -> client.read(hpa, 8) != hpa)
            .count();

    assertThat(wrong).isZero();
  }

  private void assertFails(Errno errno, String message) {
    assertThatThrownBy(() -> client.read(0x40, 4))
        .isInstanceOfSatisfying(VmmException.class, e -> assertThat(e.errno()).isEqualTo(errno))
        .hasMessageContaining(message);
  }
}
