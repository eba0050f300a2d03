package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;

class Utf8WriterTest {
  private static final String TEXT = "a \u00e4 \u20ac \ud83d\udd11 z\n";

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final Writer writer = new Utf8Writer(out);

  @Test
  void textInPiecesOfAnySizeIsTheTextAsAWhole() throws IOException {
    String text = TEXT.repeat(4000);
    Random random = new Random(1);
    for (int at = 0; at < text.length(); ) {
      int count =
          Math.min(random.nextInt(random.nextInt(10) == 0 ? 40_000 : 4), text.length() - at);
      switch (random.nextInt(3)) {
        case 0 -> writer.write(text, at, count);
        case 1 -> writer.write(text.toCharArray(), at, count);
        default -> {
          count = 1;
          writer.write(text.charAt(at));
        }
      }
      at += count;
      if (random.nextInt(5) == 0) {
        writer.flush();
      }
    }
    writer.close();

    assertThat(out.toByteArray()).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void nothingIsWrittenBeforeItIsFlushedOrTheBufferIsFull() throws IOException {
    writer.write("abc");
    assertThat(out.size()).isZero();
    writer.flush();
    assertThat(out.size()).isEqualTo(3);
    writer.write("d".repeat(20_000));
    assertThat(out.size()).isEqualTo(20_003);
  }

  @Test
  void halfACharacterAtTheEndBecomesAQuestionMark() throws IOException {
    writer.write("a\ud83d");
    writer.close();

    assertThat(out.toString(StandardCharsets.UTF_8)).isEqualTo("a?");
  }
}
