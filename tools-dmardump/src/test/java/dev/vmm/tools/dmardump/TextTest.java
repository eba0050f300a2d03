package dev.vmm.tools.dmardump;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Columns, lines of a width, and output that cannot be written. */
final class TextTest {
  @Test
  void cellsArePaddedToTheWidestOfTheirColumnAndEmptyColumnsVanish() {
    assertThat(Text.align(List.of(List.of("a", "", "b"), List.of("ccc", "", "d"))))
        .containsExactly("a    b", "ccc  d");
  }

  @Test
  void partsAreKeptWholeIfTheyFitInALine() {
    assertThat(Text.fill(List.of("one two", "three four", "5"), 12))
        .containsExactly("one two", "three four 5");
  }

  @Test
  void aPartLongerThanALineIsBrokenBetweenItsWords() {
    assertThat(Text.fill(List.of("a", "bb ccc dddddddd e"), 6))
        .containsExactly("a bb", "ccc", "dddddddd", "e");
    assertThat(Text.fill(List.of(), 6)).isEmpty();
  }

  @Test
  void onlyAPositiveNumberIsAWidth() {
    assertThat(Text.columns("100")).hasValue(100);
    for (String text : new String[] {null, "", "0", "-5", "80x", "999999999999"}) {
      assertThat(Text.columns(text)).as("%s", text).isEmpty();
    }
  }

  @Test
  void theFirstFailureToWriteIsRemembered() {
    OutputStream full =
        new OutputStream() {
          private int count;

          @Override
          public void write(int b) throws IOException {
            throw new IOException("full " + ++count);
          }
        };
    WatchedOutput watched = new WatchedOutput(full);

    assertThatThrownBy(() -> watched.write(1)).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> watched.write(new byte[3])).isInstanceOf(IOException.class);
    assertThat(watched.failure()).hasMessage("full 1");
  }

  @Test
  void outputThatCanBeWrittenIsNoFailure() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    WatchedOutput watched = new WatchedOutput(bytes);
    watched.write(new byte[] {1, 2, 3}, 1, 2);
    watched.write(4);

    assertThat(bytes.toByteArray()).containsExactly(2, 3, 4);
    assertThat(watched.failure()).isNull();
  }
}
