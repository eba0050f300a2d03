package dev.vmm.iommu.inspect;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Something about a firmware table or a unit that somebody should know.
 *
 * @param id stable, such as {@code DMAR-INCLUDE-ALL-NOT-LAST}; documented in {@code docs/lint.md}
 * @param severity how bad it is
 * @param source the table's signature, or the unit's name
 * @param offset of the evidence in the table, -1 if it has none
 * @param evidence what was found, with the values
 * @param remedy what to do
 */
public record Finding(
    String id, Severity severity, String source, int offset, String evidence, String remedy) {
  /** How bad a finding is. */
  public enum Severity {
    /** Against the book: drivers refuse it, or protect less than firmware thinks. */
    ERROR,
    /** Allowed, or worked around by drivers, but it will surprise somebody. */
    WARNING,
    /** A choice of the firmware that explains what one sees. */
    INFO;

    /** Returns the lower-case name. */
    @Override
    public String toString() {
      return name().toLowerCase(java.util.Locale.ROOT);
    }
  }

  private static final Pattern OFFSET = Pattern.compile("offset 0x([0-9a-f]{1,7})\\b");

  /**
   * Returns the problems of a decoded table, as errors if its checksum is wrong and as warnings if
   * not, and, for information, its reserved fields that are not 0.
   */
  public static List<Finding> of(TableReport report) {
    List<Finding> findings = new ArrayList<>();
    for (String problem : report.problems()) {
      Matcher offset = OFFSET.matcher(problem);
      findings.add(
          new Finding(
              report.signature() + "-PROBLEM",
              report.checksumValid() ? Severity.WARNING : Severity.ERROR,
              report.signature(),
              offset.find() ? Integer.parseInt(offset.group(1), 16) : -1,
              problem,
              "update the firmware"));
    }
    for (TableReport.Reserved reserved : report.reserved()) {
      findings.add(
          new Finding(
              report.signature() + "-RESERVED-BITS",
              Severity.INFO,
              report.signature(),
              reserved.field().offset(),
              reserved.text(),
              "a newer book may define them; drivers ignore them"));
    }
    return findings;
  }
}
