package dev.vmm.machine.model.amd;

/**
 * The interrupts of a unit: they go out once the unit's lock is given back. Source: 48882 rev 3,
 * "IOMMU Interrupts". Guarded by the unit, {@link #send} excepted.
 */
final class Interrupts {
  private volatile Runnable message = () -> {};
  private int due;

  /** Says what one interrupt does. */
  void connect(Runnable action) {
    message = action;
  }

  void raise() {
    due++;
  }

  /** Takes how many are due. */
  int take() {
    int taken = due;
    due = 0;
    return taken;
  }

  /** Sends so many; without the lock. */
  void send(int count) {
    for (int i = 0; i < count; i++) {
      message.run();
    }
  }

  void reset() {
    due = 0;
  }
}
