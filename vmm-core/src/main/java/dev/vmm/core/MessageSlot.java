package dev.vmm.core;

import dev.vmm.iommu.MsiMessage;

/**
 * One place of a function's registers that says what it writes to signal.
 *
 * @param index the entry of an MSI-X table; 0 for MSI
 * @param first what is there
 * @param count how many messages it stands for, a power of two: the function puts which one into
 *     the low bits of the data
 */
record MessageSlot(int index, MsiMessage first, int count) {
  /** Returns what the function writes for one of its messages. */
  MsiMessage message(int number) {
    return count == 1 ? first : new MsiMessage(first.address(), (first.data() & -count) | number);
  }

  /** Says whether it is to be an interrupt: in the interrupt range, 0xFEExxxxx. */
  boolean isInterrupt() {
    return first.address() >>> 20 == 0xfee;
  }

  MessageSlot with(MsiMessage message) {
    return new MessageSlot(index, message, count);
  }
}
