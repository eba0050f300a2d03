package dev.vmm.tools.dmardump;

import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;

/** The text of findings. Stateless. */
final class FindingText {
  private FindingText() {}

  /** Writes each finding as a line with its id, and what to do below it. */
  static void write(String origin, List<Finding> findings, Palette palette, PrintWriter out) {
    for (Finding finding : findings) {
      String severity = finding.severity().toString();
      out.printf(
          Locale.ROOT,
          "%s: %s %s: %s%n",
          finding.offset() < 0
              ? origin
              : String.format(Locale.ROOT, "%s+0x%x", origin, finding.offset()),
          finding.severity() == Severity.ERROR ? palette.bad(severity) : severity,
          palette.strong(finding.id()),
          finding.evidence());
      out.println(Lines.INDENT + palette.faint(finding.remedy()));
    }
  }

  /** Returns how many there are of each severity, such as {@code 1 error, 2 warnings}. */
  static String summary(List<Finding> findings) {
    StringBuilder text = new StringBuilder();
    for (Severity severity : Severity.values()) {
      long count = findings.stream().filter(f -> f.severity() == severity).count();
      if (count > 0) {
        text.append(text.length() == 0 ? "" : ", ")
            .append(
                severity == Severity.INFO
                    ? count + " for information"
                    : DumpRenderer.count(count, severity.toString()));
      }
    }
    return text.length() == 0 ? "no findings" : text.toString();
  }

  /** Returns the exit status: errors fail, and warnings if they are to. */
  static int status(List<Finding> findings, boolean strict) {
    return findings.stream()
            .anyMatch(
                f -> f.severity() == Severity.ERROR || (strict && f.severity() == Severity.WARNING))
        ? Tool.FAILED
        : Tool.OK;
  }
}
