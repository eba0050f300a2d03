package dev.vmm.machine.model.amd;

import dev.vmm.AddressRange;

/**
 * The registers of the command buffer or the event log: base and length, head and tail. Guarded by
 * the unit.
 */
final class Ring {
  static final long BASE_MASK = Dte.ADDRESS | (0xfL << 56);
  static final long POINTER_MASK = 0x7fff0;

  private static final long RESET = 8L << 56;

  private static final int SHORTEST_ORDER = 8;

  final RunBit run;

  /** The base register as it reads. */
  long register = RESET;

  long head;
  long tail;

  Ring(RunBit run) {
    this.run = run;
  }

  long base() {
    return register & Dte.ADDRESS;
  }

  /** Says whether the length in a base register is one that there is. */
  static boolean lengthExists(long value) {
    return ((int) (value >>> 56) & 0xf) >= SHORTEST_ORDER;
  }

  long lengthBytes() {
    return 16L << Math.max(SHORTEST_ORDER, (int) (register >>> 56) & 0xf);
  }

  AddressRange range() {
    return new AddressRange(base(), lengthBytes());
  }

  /** Says whether it runs or is about to. */
  boolean busy() {
    return run.running() || run.starting();
  }

  /** Says whether an offset lies in {@code [head, tail)}. */
  boolean pending(long offset) {
    return Math.floorMod(offset - head, lengthBytes()) < Math.floorMod(tail - head, lengthBytes());
  }

  void reset() {
    register = RESET;
    head = 0;
    tail = 0;
    run.reset();
  }
}
