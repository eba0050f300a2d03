package dev.vmm.tools.dmardump;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Writes the manual page from what the help says; the build runs it. */
public final class ManPage {
  private final StringBuilder page = new StringBuilder();

  private ManPage() {}

  /**
   * Writes the page.
   *
   * @param args the file
   * @throws IOException if it cannot be written
   */
  public static void main(String[] args) throws IOException {
    Path file = Path.of(args[0]);
    Files.createDirectories(file.toAbsolutePath().getParent());
    Files.writeString(file, text(), StandardCharsets.UTF_8);
  }

  /** Returns the page in roff's man macros. */
  static String text() {
    CommandSpec spec = new CommandLine(new DmardumpCommand()).getCommandSpec();
    ManPage man = new ManPage();
    String[] about = spec.usageMessage().description();
    man.line(".TH DMARDUMP 1 \"\" \"dmardump\" \"User Commands\"");
    man.line(".SH NAME").line("dmardump \\- " + escape(phrase(about[0])));
    man.line(".SH SYNOPSIS");
    man.synopsis(spec);
    spec.subcommands().values().forEach(sub -> man.line(".br").synopsis(sub.getCommandSpec()));
    man.line(".SH DESCRIPTION");
    man.paragraphs(about);
    man.line(".SH OPTIONS");
    man.arguments(spec);
    man.line(".SH COMMANDS");
    for (CommandLine sub : spec.subcommands().values()) {
      CommandSpec command = sub.getCommandSpec();
      man.line(".SS " + escape(command.name()));
      man.paragraphs(command.usageMessage().description());
      man.arguments(command);
      Map<String, String> codes = command.usageMessage().exitCodeList();
      if (!codes.isEmpty()) {
        man.line(".PP").line("Exit status:");
        man.exitCodes(codes);
      }
    }
    man.line(".SH EXIT STATUS");
    man.exitCodes(spec.usageMessage().exitCodeList());
    man.line(".SH EXAMPLES").line(".nf");
    Set<String> examples = new LinkedHashSet<>(List.of(spec.usageMessage().footer()));
    for (CommandLine sub : spec.subcommands().values()) {
      examples.addAll(List.of(sub.getCommandSpec().usageMessage().footer()));
    }
    examples.forEach(example -> man.line(escape(example.strip())));
    man.line(".fi");
    man.line(".SH SEE ALSO").line(".BR acpidump (8),").line(".BR iasl (1),").line(".BR lspci (8)");
    return man.page.toString();
  }

  private ManPage line(String line) {
    page.append(line).append('\n');
    return this;
  }

  private void paragraphs(String[] texts) {
    for (String text : texts) {
      line(escape(text));
    }
  }

  private void synopsis(CommandSpec spec) {
    StringBuilder text = new StringBuilder(".B " + escape(spec.qualifiedName()) + "\n");
    text.append(escape("[OPTION]..."));
    for (PositionalParamSpec parameter : spec.positionalParameters()) {
      boolean many = parameter.arity().max() > 1;
      String label = escape(parameter.paramLabel()) + (many ? "..." : "");
      text.append(parameter.arity().min() == 0 ? " [" + label + "]" : " " + label);
    }
    line(text.toString());
  }

  private void arguments(CommandSpec spec) {
    for (PositionalParamSpec parameter : spec.positionalParameters()) {
      argument("\\fI" + escape(parameter.paramLabel()) + "\\fR", parameter);
    }
    for (OptionSpec option : spec.options()) {
      // Every command has these two: the tool's own stand for them.
      boolean told = spec.parent() != null && (option.usageHelp() || option.versionHelp());
      if (option.hidden() || told) {
        continue;
      }
      StringBuilder names = new StringBuilder();
      for (String name : option.names()) {
        names
            .append(names.length() == 0 ? "" : ", ")
            .append("\\fB")
            .append(escape(name))
            .append("\\fR");
      }
      if (option.arity().max() > 0) {
        names.append("=\\fI").append(escape(option.paramLabel())).append("\\fR");
      }
      argument(names.toString(), option);
    }
  }

  private void argument(String head, ArgSpec argument) {
    line(".TP").line(head);
    for (String text : argument.description()) {
      line(escape(text.replace("${COMPLETION-CANDIDATES}", "auto, always, never")));
    }
  }

  private void exitCodes(Map<String, String> codes) {
    codes.forEach((code, meaning) -> line(".TP").line(escape(code)).line(escape(meaning)));
  }

  /** A sentence as the line of a manual's name has it. */
  private static String phrase(String sentence) {
    String text = sentence.strip();
    return text.substring(0, 1).toLowerCase(Locale.ROOT)
        + text.substring(1, text.endsWith(".") ? text.length() - 1 : text.length());
  }

  /** A backslash, a dash that is one, and a line that would be a request. */
  private static String escape(String text) {
    String plain =
        text.replace("\\", "\\e").replace("-", "\\-").replaceAll("@\\|\\w+ (.*?)\\|@", "$1");
    return String.format(
        Locale.ROOT, "%s%s", plain.startsWith(".") || plain.startsWith("'") ? "\\&" : "", plain);
  }
}
