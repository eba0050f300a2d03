package dev.vmm.core;

import dev.vmm.VmmException;
import dev.vmm.iommu.MsiMessage;
import dev.vmm.pci.Rid;

/**
 * Messages with a way of their own, or without need of one.
 *
 * @param end what gives the way back; may be run again
 */
record PlainMessages(MsiMessage first, Runnable end) implements HostMessages {
  /** As many as MSI can have. */
  private static final int MOST = 32;

  /** Returns messages that pass as they are; EINVAL if there cannot be such. */
  static HostMessages of(Rid function, MsiMessage first, int count) {
    if (count < 1 || count > MOST || Integer.bitCount(count) != 1 || first.data() % count != 0) {
      throw VmmException.invalid(
          "cannot lead %d messages of %s from %s on: expected a power of two up to %d, and data that is a multiple of it",
          count, function, first, MOST);
    }
    return new PlainMessages(first, () -> {});
  }

  @Override
  public void close() {
    end.run();
  }
}
