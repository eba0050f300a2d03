package dev.vmm.pci;

/**
 * The buses behind a bridge.
 *
 * @param secondary the first, 1 to 255
 * @param subordinate the last, inclusive
 */
public record BusRange(int secondary, int subordinate) {
  /** Says whether a bus is among them. */
  public boolean contains(int number) {
    return number >= secondary && number <= subordinate;
  }

  /** Returns how many there are. */
  public int size() {
    return subordinate - secondary + 1;
  }
}
