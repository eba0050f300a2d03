package dev.vmm.core;

import dev.vmm.Errno;
import dev.vmm.VmmException;
import dev.vmm.core.CoreTunables.PptHome;
import dev.vmm.pci.Rid;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Which domain is a requester id's home: the host domain, or the blocked domain.
 *
 * <p>Lives as long as the platform, also while the I/O MMU is off. Not thread-safe: used under the
 * I/O MMU's lock.
 */
final class Homes {
  private final PptHome claimedHome;
  private final Set<Rid> claimed = new HashSet<>();

  /** Blocked whatever their home, and why: their device could not be quiesced. */
  private final Map<Rid, String> held = new TreeMap<>();

  private final VfShares shares = new VfShares();

  Homes(PptHome claimedHome) {
    this.claimedHome = claimedHome;
  }

  /** Says whether a claim leads to the blocked domain. */
  boolean blockedWhileClaimed() {
    return claimedHome == PptHome.BLOCKED;
  }

  boolean claimed(Rid rid) {
    return claimed.contains(rid);
  }

  /** Refuses what somebody has claimed (EBUSY). */
  void requireUnclaimed(Collection<Rid> rids) {
    List<Rid> taken = rids.stream().filter(claimed::contains).toList();
    if (!taken.isEmpty()) {
      throw new VmmException(
          Errno.EBUSY,
          "cannot claim "
              + rids
              + ": "
              + taken
              + " is claimed already by a driver for pass-through; detach it there first");
    }
  }

  void claim(Collection<Rid> rids) {
    claimed.addAll(rids);
  }

  /** Takes a claim back that came to nothing; who is held stays held. */
  void unclaim(Collection<Rid> rids) {
    claimed.removeAll(new HashSet<>(rids));
    shares.forget(rids);
  }

  /** Returns what the claims' drivers found out of VFs. */
  VfShares shares() {
    return shares;
  }

  /** Ends a claim, and what held its device. */
  void letGo(Collection<Rid> rids) {
    unclaim(rids);
    unhold(rids);
  }

  void hold(Collection<Rid> rids, String why) {
    rids.forEach(rid -> held.put(rid, why));
  }

  void unhold(Collection<Rid> rids) {
    held.keySet().removeAll(new HashSet<>(rids));
  }

  /** Returns who is held, and why. */
  Map<Rid, String> held() {
    return new TreeMap<>(held);
  }

  Stream<Rid> claimedOrHeld() {
    return Stream.concat(claimed.stream(), held.keySet().stream());
  }

  boolean held(Rid rid) {
    return held.containsKey(rid);
  }
}
