package dev.vmm.iommu.inspect;

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
}
