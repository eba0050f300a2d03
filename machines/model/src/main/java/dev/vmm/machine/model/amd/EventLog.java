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

  /** An event whose pointer has moved and whose words are to come. */
  private record Late(long hpa, Event event) {}

  private final UnitSite site;
  private final boolean late;
  private final Runnable look;
  private final Deque<Event> deferred = new ArrayDeque<>();
  private final Deque<Late> onTheirWay = new ArrayDeque<>();

  /** Whether software has looked for one of them in vain. */
  private boolean missed;

  final Ring ring;

  /** EventOverflow. */
  boolean overflow;

  /** EventLogInt. */
  boolean written;

  /**
   * Starts empty.
   *
   * @param late whether the pointer moves before the words are in memory; software that looks for
   *     them finds them the second time
   * @param look what a load of a word does that is to come: it leads to {@link #looked}
   */
  EventLog(UnitSite site, Ring ring, boolean late, Runnable look) {
    this.site = site;
    this.ring = ring;
    this.late = late;
    this.look = look;
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
      arrive();
    }
    return reason;
  }

  /** Software looks for an event whose words are to come. */
  void looked() {
    if (missed) {
      arrive();
    }
    missed = true;
  }

  private void arrive() {
    for (Late one : onTheirWay) {
      site.memory().unwatchLoads(one.hpa(), look);
      write(one.hpa(), one.event());
    }
    onTheirWay.clear();
  }

  private void write(long hpa, Event event) {
    site.memory().deviceWrite(hpa, 8, event.low());
    site.memory().deviceWrite(hpa + 8, 8, event.high());
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
    if (late) {
      missed = false;
      onTheirWay.add(new Late(hpa, event));
      site.memory().watchLoads(hpa, look);
    } else {
      write(hpa, event);
    }
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
    onTheirWay.forEach(one -> site.memory().unwatchLoads(one.hpa(), look));
    onTheirWay.clear();
    overflow = false;
    written = false;
  }
}
