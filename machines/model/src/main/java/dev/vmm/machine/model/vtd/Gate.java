package dev.vmm.machine.model.vtd;

import dev.vmm.machine.model.dma.Messages;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * The unit's one lock. Interrupt messages that come up under it leave after it was released, so
 * that whoever takes them may use the unit and may hold locks of its own.
 */
final class Gate {
  private record Message(long address, int data) {}

  private final ReentrantLock lock = new ReentrantLock();
  private final Messages messages;
  private Queue<Message> outbox = new ArrayDeque<>();

  Gate(Messages messages) {
    this.messages = messages;
  }

  void run(Runnable action) {
    call(
        () -> {
          action.run();
          return 0;
        });
  }

  long call(LongSupplier action) {
    Queue<Message> sent = new ArrayDeque<>();
    lock.lock();
    try {
      return action.getAsLong();
    } finally {
      if (lock.getHoldCount() == 1 && !outbox.isEmpty()) {
        sent = outbox;
        outbox = new ArrayDeque<>();
      }
      lock.unlock();
      sent.forEach(message -> messages.deliver(message.address, message.data));
    }
  }

  /** Has a message delivered once the lock is free; only inside {@link #call}. */
  void send(long address, int data) {
    outbox.add(new Message(address, data));
  }
}
