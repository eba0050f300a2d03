package dev.vmm.machine.model.vtd;

/**
 * An interrupt of the unit's own: control, data, address and upper address registers. VT-d r4.1,
 * "Fault Event Control Register" and "Invalidation Event Control Register".
 */
final class EventControl implements Register.Behaviour {
  private static final long IM = 1L << 31;
  private static final long IP = 1L << 30;

  private final Chip chip;
  private final Register control;
  private final Register data;
  private final Register address;
  private final Register upper;

  /** Adds the four registers, {@code prefix} FE or IE, from {@code offset} up. */
  EventControl(Chip chip, RegisterFile file, String prefix, int offset) {
    this.chip = chip;
    boolean wide = chip.config().eim();
    control = file.add(Register.mixed(prefix + "CTL", offset, 4, IM, 0, IP, IM)).does(this);
    data =
        file.add(
            Register.mixed(prefix + "DATA", offset + 4, 4, wide ? 0xffffffffL : 0xffffL, 0, 0, 0));
    address = file.add(Register.mixed(prefix + "ADDR", offset + 8, 4, 0xfffffffcL, 0, 0, 0));
    upper =
        file.add(Register.mixed(prefix + "UADDR", offset + 12, 4, wide ? 0xffffffffL : 0, 0, 0, 0));
  }

  /** Something to tell came up. */
  void raise() {
    control.set(IP, true);
    deliver();
  }

  /** Software has dealt with what was to be told. */
  void settle() {
    control.set(IP, false);
  }

  @Override
  public void written(long bits, long mask) {
    deliver();
  }

  private void deliver() {
    if (control.has(IP) && !control.has(IM)) {
      control.set(IP, false);
      chip.gate().send((upper.get() << 32) | address.get(), (int) data.get());
    }
  }
}
