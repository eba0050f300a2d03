package dev.vmm.tools.vmmctl.shell;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How a line is split. */
final class WordsTest {
  @Test
  void wordsAreSplitAtBlanks() {
    assertThat(Words.of("  vm create\ta  ")).containsExactly("vm", "create", "a");
  }

  @Test
  void aCommentBeginsAtTheBeginningOfAWordOnly() {
    assertThat(Words.of("echo a#b #c d")).containsExactly("echo", "a#b");
    assertThat(Words.of("# nothing")).isEmpty();
    assertThat(Words.of("echo '#' \"#\" \\#")).containsExactly("echo", "#", "#", "#");
  }

  @Test
  void quotesHoldBlanksAndMayBeEmpty() {
    assertThat(Words.of("a 'b  c' \"d 'e'\" f'g h'i \"\" ''"))
        .containsExactly("a", "b  c", "d 'e'", "fg hi", "", "");
  }

  @Test
  void aBackslashTakesTheNextCharacterExceptInSingleQuotes() {
    assertThat(Words.of("a\\ b \"c\\\"d\" 'e\\f'")).containsExactly("a b", "c\"d", "e\\f");
  }

  @ParameterizedTest
  @ValueSource(strings = {"echo 'a", "echo \"a", "echo a\\", "echo \"a\\\""})
  void whatIsNotClosedIsRefused(String line) {
    assertThatThrownBy(() -> Words.of(line))
        .isInstanceOfSatisfying(
            VmmException.class, e -> assertThat(e.errno()).isEqualTo(Errno.EINVAL));
  }
}
