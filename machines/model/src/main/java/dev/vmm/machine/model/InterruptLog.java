package dev.vmm.machine.model;

import dev.vmm.machine.model.dma.Messages;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/**
 * The interrupt controllers, which only note what comes: the last {@link #MAX_KEPT} messages.
 * Thread-safe.
 */
public final class InterruptLog implements Messages {
  /** How many messages are kept. */
  public static final int MAX_KEPT = 1000;

  /**
   * A message-signalled interrupt.
   *
   * @param address where it was written
   * @param data what was written
   */
  public record Interrupt(long address, int data) {}

  private final ArrayDeque<Interrupt> kept = new ArrayDeque<>();

  InterruptLog() {}

  @Override
  public synchronized void deliver(long address, int data) {
    if (kept.size() == MAX_KEPT) {
      kept.removeFirst();
    }
    kept.addLast(new Interrupt(address, data));
  }

  /** Returns the messages since the last call, oldest first, and forgets them. */
  public synchronized List<Interrupt> take() {
    List<Interrupt> taken = new ArrayList<>(kept);
    kept.clear();
    return taken;
  }
}
