package dev.vmm.machine.model.amd;

import java.util.ArrayList;
import java.util.List;

/**
 * What a device table entry has been since software last knew that the unit looked at it afresh. A
 * unit may have read the root at one time and the domain id at another, so every root with rights
 * goes with every domain id that such a root stood beside; a pair that never stood in memory is a
 * torn entry. Nor may both words change, one after the other, in an entry that has rights all the
 * time. Guarded by the unit.
 */
final class EntryHistory {
  private record State(long time, long way, int domainId, boolean live) {
    static State of(long time, long w0, long w1) {
      return new State(time, Dte.way(w0), (int) w1 & 0xffff, Dte.live(w0));
    }

    boolean same(State other) {
      return way == other.way && domainId == other.domainId;
    }
  }

  private final List<State> states = new ArrayList<>();

  /** Starts with what the entry was before the first store. */
  EntryHistory(long w0, long w1) {
    states.add(State.of(0, w0, w1));
  }

  /** Adds what the entry is now; returns false if a unit may see what it never was. */
  boolean add(long time, long w0, long w1) {
    State now = State.of(time, w0, w1);
    if (states.get(states.size() - 1).same(now)) {
      return true;
    }
    boolean bothChanged =
        now.live
            && states.get(states.size() - 1).live
            && states.stream().anyMatch(s -> s.way != now.way)
            && states.stream().anyMatch(s -> s.domainId != now.domainId);
    states.add(now);
    return !bothChanged
        && (!now.live || states.stream().filter(State::live).allMatch(old -> mixes(old, now)));
  }

  /** Says whether both mixtures of two states were states. */
  private boolean mixes(State one, State other) {
    return was(one.way, other.domainId) && was(other.way, one.domainId);
  }

  private boolean was(long way, int domainId) {
    return states.stream().anyMatch(s -> s.way == way && s.domainId == domainId);
  }

  /**
   * The unit looked afresh, at this time or later.
   *
   * @return whether nothing is left that it might not have seen
   */
  boolean invalidated(long time) {
    int last = 0;
    while (last + 1 < states.size() && states.get(last + 1).time <= time) {
      last++;
    }
    states.subList(0, last).clear();
    return states.size() == 1;
  }
}
