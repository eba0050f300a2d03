package dev.vmm.tools.vmmctl.shell;

import dev.vmm.VmmException;
import java.util.ArrayList;
import java.util.List;

/**
 * Splits a line into words as a shell does: at blanks, except inside {@code '...'} and {@code
 * "..."}; a backslash takes the next character as it is, except inside {@code '...'}; {@code #} at
 * the beginning of a word begins a comment. Stateless.
 */
final class Words {
  private Words() {}

  /**
   * Returns the words of a line, none for an empty one.
   *
   * @throws VmmException EINVAL if a quote is not closed, or a backslash ends the line
   */
  static List<String> of(String line) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean inWord = false;
    char quote = 0;
    for (int i = 0; i < line.length(); i++) {
      char c = line.charAt(i);
      if (quote != 0 && c == quote) {
        quote = 0;
      } else if (c == '\\' && quote != '\'') {
        if (++i == line.length()) {
          throw VmmException.invalid(
              "a backslash ends the line: expected a character after it; one line holds one command");
        }
        word.append(line.charAt(i));
        inWord = true;
      } else if (quote != 0) {
        word.append(c);
      } else if (c == '\'' || c == '"') {
        quote = c;
        inWord = true;
      } else if (Character.isWhitespace(c)) {
        if (inWord) {
          words.add(word.toString());
          word.setLength(0);
          inWord = false;
        }
      } else if (c == '#' && !inWord) {
        break;
      } else {
        word.append(c);
        inWord = true;
      }
    }
    if (quote != 0) {
      throw VmmException.invalid("a %c is not closed: expected another one on the line", quote);
    }
    if (inWord) {
      words.add(word.toString());
    }
    return List.copyOf(words);
  }
}
