package dev.vmm.tools.vmmctl.shell;

import java.util.ArrayList;
import java.util.List;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;
import picocli.AutoComplete;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Completes a line with what picocli knows of its commands: subcommands, options and the candidates
 * of arguments.
 */
final class WordCompleter implements Completer {
  private final CommandSpec commands;

  WordCompleter(CommandSpec commands) {
    this.commands = commands;
  }

  @Override
  public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
    for (String word : candidates(line.words(), line.wordIndex(), line.cursor())) {
      candidates.add(new Candidate(word));
    }
  }

  /**
   * Returns the words that may stand at the index; the line editor leaves out what does not fit.
   */
  List<String> candidates(List<String> words, int index, int cursor) {
    List<CharSequence> found = new ArrayList<>();
    AutoComplete.complete(commands, words.toArray(new String[0]), index, 0, cursor, found);
    return found.stream().map(CharSequence::toString).toList();
  }
}
