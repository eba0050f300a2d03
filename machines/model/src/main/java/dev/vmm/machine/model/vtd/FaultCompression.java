package dev.vmm.machine.model.vtd;

/**
 * Which faults a unit puts together with one that is still recorded. The book, "Primary Fault
 * Logging", lets hardware drop any further fault of a source id that has one pending.
 */
public enum FaultCompression {
  /** Each fault takes a record. */
  NONE,
  /** A fault of the same source, page and reason as one that is still recorded is dropped. */
  SAME_PAGE,
  /** Any fault of a source that has one recorded is dropped. */
  SAME_SOURCE
}
