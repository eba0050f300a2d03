package dev.vmm.acpi.decode;

import dev.vmm.Message;
import dev.vmm.iommu.inspect.Finding;
import dev.vmm.iommu.inspect.Finding.Severity;

/**
 * What is looked for in a kind of table; an enum of a back end implements it. A rule's id is its
 * name after the table's signature, with dashes, and never changes its meaning.
 *
 * <p>Immutable and thread-safe.
 */
public interface TableRule {
  /** Returns the rule's name: capitals, digits and underscores. */
  String name();

  /** Returns the signature of the tables that it is for. */
  String signature();

  /** Returns how bad it is to break it. */
  Severity severity();

  /** Returns what to do then. */
  String remedy();

  /** Returns the stable id, such as {@code DMAR-BASE-ZERO}. */
  default String id() {
    return signature() + "-" + name().replace('_', '-');
  }

  /** Returns the finding that a table breaks the rule at this offset. */
  default Finding at(int offset, String format, Object... args) {
    return new Finding(
        id(), severity(), signature(), offset, Message.format(format, args), remedy());
  }

  /** Returns the problem that a table breaks the rule at this offset. */
  default TableProblem problem(int offset, String format, Object... args) {
    return new TableProblem(this, offset, Message.format(format, args));
  }
}
