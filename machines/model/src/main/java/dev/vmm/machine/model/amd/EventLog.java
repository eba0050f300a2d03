package dev.vmm.machine.model.amd;

import dev.vmm.machine.model.check.Count;
import dev.vmm.machine.model.dma.UnitSite;
import java.util.ArrayDeque;
import java.util.Deque;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The event log. Source: 48882 rev 3, "Event Logging". Guarded by the unit. */
final class EventLog {
  private static final Logger LOG = LoggerFactory.getLogger(EventLog.class);

  /** How many events wait for a log that is starting. */
  private static final int MAX_DEFERRED = 64;

  private final UnitSite site;
  private final Deque<Event> deferred = new ArrayDeque<>();

  final Ring ring;

  /** EventOverflow. */
  boolean overflow;

  /** EventLogInt. */
  boolean written;

  EventLog(UnitSite site, Ring ring) {
    this.site = site;
    this.ring = ring;
  }

  /** Records an event; returns whether there is a reason for an interrupt. */
  boolean record(Event event) {
    if (!ring.run.running()) {
      if (ring.run.starting() && deferred.size() < MAX_DEFERRED) {
        deferred.add(event);
      } else {
        drop(event);
      }
      return false;
    }
    return append(event);
  }

  /** Lets time pass; returns whether there is a reason for an interrupt. */
  boolean poll() {
    ring.run.poll();
    boolean reason = false;
    while (ring.run.running() && !deferred.isEmpty()) {
      reason |= append(deferred.remove());
    }
    if (!ring.run.running() && !ring.run.starting()) {
      deferred.clear();
    }
    return reason;
  }

  private boolean append(Event event) {
    long next = (ring.tail + Event.BYTES) % ring.lengthBytes();
    if (next == ring.head) {
      drop(event);
      overflow = true;
      ring.run.halt();
      return true;
    }
    long hpa = ring.base() + ring.tail;
    if (!site.memory().isRam(hpa, Event.BYTES)) {
      drop(event);
      ring.run.halt();
      return false;
    }
    site.memory().deviceWrite(hpa, 8, event.low());
    site.memory().deviceWrite(hpa + 8, 8, event.high());
    ring.tail = next;
    boolean first = !written;
    written = true;
    site.counters().add(Count.FAULT_RECORDED);
    LOG.debug("{}: event {} at 0x{}", site.name(), event, Long.toHexString(hpa));
    return first;
  }

  private void drop(Event event) {
    site.counters().add(Count.FAULT_DROPPED);
    LOG.debug("{}: no room for event {}", site.name(), event);
  }

  void reset() {
    ring.reset();
    deferred.clear();
    overflow = false;
    written = false;
  }
}
