package dev.vmm.tools.vmmctl.verdict;

import dev.vmm.core.policy.Obstacle;
import dev.vmm.core.policy.Verdict;
import dev.vmm.tools.dmardump.Palette;
import java.io.PrintWriter;
import java.util.Locale;

/**
 * A verdict for people: a line that says it, then each obstacle with its evidence and its remedy.
 * Stateless.
 */
public final class VerdictText {
  private VerdictText() {}

  /** Prints a verdict. */
  public static void print(Verdict verdict, PrintWriter out, Palette palette) {
    String answer = answer(verdict);
    out.println(
        verdict.description()
            + ": "
            + (verdict.allowed() ? palette.good(answer) : palette.bad(answer)));
    for (Obstacle obstacle : verdict.obstacles()) {
      String severity = obstacle.severity().name().toLowerCase(Locale.ROOT);
      out.println();
      out.println(
          (obstacle.blocks() ? palette.bad(severity) : palette.strong(severity))
              + "  "
              + obstacle.kind().id()
              + " ("
              + obstacle.errno()
              + ")");
      out.println("  " + obstacle.sentence());
      obstacle.evidence().forEach(line -> out.println("  evidence: " + line));
      out.println("  remedy: " + obstacle.remedy());
    }
  }

  private static String answer(Verdict verdict) {
    int blockers = verdict.blockers().size();
    int warnings = verdict.warnings().size();
    String told = warnings == 0 ? "" : count(warnings, "warning");
    if (blockers == 0) {
      return "can be assigned" + (told.isEmpty() ? "" : ", with " + told);
    }
    return "cannot be assigned: "
        + count(blockers, "blocker")
        + (told.isEmpty() ? "" : ", " + told);
  }

  private static String count(int number, String what) {
    return number + " " + what + (number == 1 ? "" : "s");
  }
}
