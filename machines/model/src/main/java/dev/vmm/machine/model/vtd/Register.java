package dev.vmm.machine.model.vtd;

/** One register: which bits are of which access kind, what they hold, and what they set off. */
final class Register {
  /** What a register does besides holding bits. {@code mask} is the bits that an access covers. */
  interface Behaviour {
    /** A read is about to happen. */
    default void reading(long mask) {}

    /** Says whether a write may happen; one that may not does nothing. */
    default boolean accepts(long bits, long mask) {
      return true;
    }

    /** A write has happened. */
    default void written(long bits, long mask) {}
  }

  private static final Behaviour PLAIN = new Behaviour() {};

  final String name;
  final int offset;
  final int widthBytes;
  private final long rw;
  private final long rw1c;
  private final long ro;
  private final long wo;
  private Behaviour behaviour = PLAIN;
  private final long initial;
  private long value;

  private Register(
      String name, int offset, int widthBytes, long rw, long rw1c, long ro, long wo, long initial) {
    this.name = name;
    this.offset = offset;
    this.widthBytes = widthBytes;
    this.rw = rw;
    this.rw1c = rw1c;
    this.ro = ro;
    this.wo = wo;
    this.initial = initial;
    this.value = initial;
  }

  /** A register that software only reads. */
  static Register readOnly(String name, int offset, int widthBytes, long value) {
    return new Register(name, offset, widthBytes, 0, 0, -1, 0, value);
  }

  /** A register that software only writes; the bits outside {@code wo} are reserved. */
  static Register writeOnly(String name, int offset, int widthBytes, long wo) {
    return new Register(name, offset, widthBytes, 0, 0, 0, wo, 0);
  }

  /** A register of mixed kinds; the bits in none of the masks are reserved. */
  static Register mixed(
      String name, int offset, int widthBytes, long rw, long rw1c, long ro, long initial) {
    return new Register(name, offset, widthBytes, rw, rw1c, ro, 0, initial);
  }

  Register does(Behaviour doer) {
    behaviour = doer;
    return this;
  }

  long get() {
    return value;
  }

  boolean has(long bits) {
    return (value & bits) != 0;
  }

  void set(long all) {
    value = all;
  }

  void set(long bits, boolean on) {
    value = on ? value | bits : value & ~bits;
  }

  void reset() {
    value = initial;
  }

  long read(Chip chip, long mask) {
    if (wo != 0) {
      chip.violation(VtdRule.WRITE_ONLY_READ, "%s read", name);
      return 0;
    }
    behaviour.reading(mask);
    return value & mask;
  }

  void write(Chip chip, long bits, long mask) {
    if ((rw | rw1c | wo) == 0 && ro == -1) {
      chip.violation(VtdRule.READ_ONLY_WRITTEN, "%s written with 0x%x", name, bits);
      return;
    }
    long reserved = bits & ~(rw | rw1c | ro | wo);
    if (reserved != 0) {
      chip.violation(
          VtdRule.RESERVED_BITS, "%s written with 0x%x: 0x%x is reserved", name, bits, reserved);
    }
    if (!behaviour.accepts(bits, mask)) {
      return;
    }
    long plain = (rw | wo) & mask;
    value = ((value & ~plain) | (bits & plain)) & ~(bits & rw1c);
    behaviour.written(bits, mask);
  }
}
