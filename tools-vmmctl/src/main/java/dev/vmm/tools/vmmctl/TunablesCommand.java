package dev.vmm.tools.vmmctl;

import dev.vmm.core.CoreTunables;
import dev.vmm.tools.dmardump.Text;
import dev.vmm.tools.dmardump.Tool;
import dev.vmm.tunable.Tunable;
import dev.vmm.tunable.Tunables;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code vmmctl tunables}. */
@Command(
    name = "tunables",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Lists the tunables with their values: those of the platform and of every back end here.",
      "Starts no machine. Unknown names are told."
    })
final class TunablesCommand implements Callable<Integer> {
  /** A narrower column of meanings is unpleasant to read: it goes into lines of its own. */
  private static final int MIN_MEANING = 40;

  private static final String INDENT = "    ";

  /** One line of the table. */
  private record Row(String name, String value, String byDefault, String type, String help) {
    private List<String> cells() {
      return List.of(name, value, byDefault, type);
    }
  }

  @Spec private @Nullable CommandSpec spec;
  @Mixin private TunableOptions options = new TunableOptions();

  @Override
  public Integer call() {
    Tunables tunables = options.tunables();
    DeclaredTunables declared = DeclaredTunables.load();
    Stream.of(declared.warnings(), declared.check(tunables), CoreTunables.withoutEffect(tunables))
        .flatMap(List::stream)
        .forEach(this::warn);
    List<Row> rows = new ArrayList<>();
    declared.all().forEach(tunable -> rows.add(row(tunables, tunable)));
    // No machine is open, so no I/O MMU is on.
    rows.add(
        new Row(
            CoreTunables.IOMMU_INITIALIZED,
            "0",
            "",
            "read-only",
            "1 once the first assign has started the I/O MMU"));
    rows.sort(Comparator.comparing(Row::name));
    rows.add(0, new Row("NAME", "VALUE", "DEFAULT", "TYPE", "MEANING"));
    print(rows, Objects.requireNonNull(spec).commandLine().getOut());
    return Tool.OK;
  }

  private static Row row(Tunables tunables, Tunable<?> tunable) {
    return new Row(
        tunable.name(),
        text(tunables, tunable),
        text(Tunables.defaults(), tunable),
        tunable.typeName(),
        tunable.help());
  }

  /** Returns a value as it is written in a loader.conf: an empty one can be seen. */
  private static String text(Tunables tunables, Tunable<?> tunable) {
    String text = CoreTunables.valueText(tunables, tunable);
    return text.isEmpty() ? "\"\"" : text;
  }

  private static void print(List<Row> rows, PrintWriter out) {
    List<String> aligned = Text.align(rows.stream().map(Row::cells).toList());
    int table = aligned.stream().mapToInt(String::length).max().orElse(0) + 2;
    int columns = Text.columns().orElse(Integer.MAX_VALUE);
    boolean beside = columns - table >= MIN_MEANING;
    for (int i = 0; i < aligned.size(); i++) {
      if (beside) {
        List<String> help = Text.fill(List.of(rows.get(i).help()), columns - table);
        for (int line = 0; line < help.size(); line++) {
          String left = line == 0 ? aligned.get(i) : "";
          out.println(left + " ".repeat(table - left.length()) + help.get(line));
        }
      } else {
        out.println(aligned.get(i));
        Text.fill(List.of(i == 0 ? "" : rows.get(i).help()), Math.max(1, columns - INDENT.length()))
            .forEach(line -> out.println(INDENT + line));
      }
    }
  }

  private void warn(String sentence) {
    PrintWriter err = Objects.requireNonNull(spec).commandLine().getErr();
    err.println("vmmctl: warning: " + sentence);
    err.flush();
  }
}
