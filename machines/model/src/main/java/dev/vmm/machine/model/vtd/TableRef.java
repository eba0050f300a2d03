package dev.vmm.machine.model.vtd;

/** A page that holds a table, and how many caches or pointers of the unit lead to it. */
final class TableRef {
  /** What the page holds. */
  enum Kind {
    ROOT,
    CONTEXT,
    PAGES,
    INTERRUPTS
  }

  final long hpa;
  final Kind kind;
  int count;

  /** Whether a register that the unit has taken over points there. */
  boolean latched;

  TableRef(long hpa, Kind kind) {
    this.hpa = hpa;
    this.kind = kind;
  }
}
