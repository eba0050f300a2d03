package dev.vmm.tck;

import dev.vmm.AddressRange;
import dev.vmm.machine.PhysicalMemory;
import dev.vmm.machine.model.dma.DmaAccess;
import dev.vmm.pci.Rid;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Who may own what at which moment, kept beside a storm of operations by those who make them: from
 * the moment before an operation that may give until the moment after one that has taken. So an
 * access is called illegal only if the page cannot have been its device's when it was reached.
 *
 * <p>Moments are counted, not measured. Thread-safe.
 */
final class OwnershipLedger {
  /** The owner of all memory: a function that may be in the host domain may reach everything. */
  static final Object HOST = "the host";

  private static final long OPEN = Long.MAX_VALUE;
  private static final int MAX_KEPT = 20;
  private static final int NEAR = 2000;

  /** The time in which something may belong to an owner. */
  static final class Tenure {
    private final Object owner;
    private final long begin;
    private volatile long end = OPEN;

    Tenure(Object owner, long begin) {
      this.owner = owner;
      this.begin = begin;
    }

    private boolean covers(long moment) {
      return begin <= moment && end >= moment;
    }
  }

  /** A DMA that no tenure known at its moment explained. */
  private record Unexplained(DmaAccess access, long moment) {}

  private final AtomicLong clock = new AtomicLong();
  private final Map<Rid, List<Tenure>> functions = new ConcurrentHashMap<>();
  private final Map<Long, List<Tenure>> pages = new ConcurrentHashMap<>();
  private final Queue<Unexplained> unexplained = new ConcurrentLinkedQueue<>();
  private final AtomicLong accesses = new AtomicLong();

  /** Returns the present moment; the next one is later. */
  long now() {
    return clock.incrementAndGet();
  }

  /** A function may be its owner's from now on. */
  Tenure mayGet(Rid rid, Object owner) {
    Tenure tenure = new Tenure(owner, now());
    functions.computeIfAbsent(rid, key -> new CopyOnWriteArrayList<>()).add(tenure);
    return tenure;
  }

  /** What {@link #mayGet} announced did not happen. */
  void didNotGet(Tenure tenure) {
    tenure.end = now();
  }

  /** A function is certainly not this owner's any more, unless it was given to it again. */
  void lost(Rid rid, Object owner) {
    for (Tenure tenure : functions.getOrDefault(rid, List.of())) {
      if (tenure.owner == owner && tenure.end == OPEN) {
        tenure.end = now();
        return;
      }
    }
  }

  /** An owner has ended: nothing is its own any more. */
  void ended(Object owner) {
    long now = now();
    functions.values().forEach(tenures -> end(tenures, owner, now));
    pages.values().forEach(tenures -> end(tenures, owner, now));
  }

  private static void end(List<Tenure> tenures, Object owner, long now) {
    for (Tenure tenure : tenures) {
      if (tenure.owner == owner && tenure.end == OPEN) {
        tenure.end = now;
      }
    }
  }

  /** Memory may be an owner's from now on. */
  List<Tenure> mayHold(AddressRange memory, Object owner) {
    List<Tenure> all = new ArrayList<>();
    long begin = now();
    for (long at = memory.start(); at != memory.end(); at += PhysicalMemory.PAGE_BYTES) {
      Tenure tenure = new Tenure(owner, begin);
      pages.computeIfAbsent(at, key -> new CopyOnWriteArrayList<>()).add(tenure);
      all.add(tenure);
    }
    return all;
  }

  /** Memory is certainly not its owner's any more. */
  void released(List<Tenure> memory) {
    long now = now();
    memory.forEach(tenure -> tenure.end = Math.min(tenure.end, now));
  }

  /** Judges an access that reaches its target now. */
  void judge(DmaAccess access) {
    accesses.incrementAndGet();
    Unexplained one = new Unexplained(access, now());
    if (!explained(one)) {
      unexplained.add(one);
    }
  }

  /** Returns how many accesses were judged. */
  long accesses() {
    return accesses.get();
  }

  /** Returns the first illegal accesses. */
  List<String> illegal() {
    return unexplained.stream().limit(MAX_KEPT).map(this::describe).toList();
  }

  private boolean explained(Unexplained one) {
    List<Tenure> holders = pages.getOrDefault(page(one), List.of());
    for (Tenure function : functions.getOrDefault(one.access.function(), List.of())) {
      if (!function.covers(one.moment)) {
        continue;
      }
      if (function.owner == HOST) {
        return true;
      }
      for (Tenure holder : holders) {
        if (holder.owner == function.owner && holder.covers(one.moment)) {
          return true;
        }
      }
    }
    return false;
  }

  private static long page(Unexplained one) {
    return one.access.hpa() & -PhysicalMemory.PAGE_BYTES;
  }

  private String describe(Unexplained one) {
    StringBuilder text = new StringBuilder();
    text.append(one.access).append(" at moment ").append(one.moment);
    text.append("; the page was held by");
    pages.getOrDefault(page(one), List.of()).forEach(tenure -> text.append(describe(tenure)));
    text.append("; the function was of");
    functions
        .getOrDefault(one.access.function(), List.of())
        .forEach(
            tenure -> {
              if (tenure.begin < one.moment + NEAR && tenure.end > one.moment - NEAR) {
                text.append(describe(tenure));
              }
            });
    return text.toString();
  }

  private static String describe(Tenure tenure) {
    return " "
        + tenure.owner
        + " ["
        + tenure.begin
        + ", "
        + (tenure.end == OPEN ? "open" : Long.toString(tenure.end))
        + "]";
  }
}
