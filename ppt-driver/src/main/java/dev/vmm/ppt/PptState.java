package dev.vmm.ppt;

import java.util.EnumSet;
import java.util.Set;

/**
 * The life of a function with the ppt driver: {@code HOST -> (attach) PARKED -> (assign) ASSIGNED
 * -> (unassign) PARKED -> (detach) HOST}; {@code BROKEN} from any failed quiesce or an attach that
 * could not be undone, and back to {@code PARKED} once a reset succeeds.
 */
public enum PptState {
  /** Not held by the driver: its home is the host domain. */
  HOST,
  /** Held by the driver, owned by no VM: its command register is off, its home is blocked. */
  PARKED,
  /** Owned by a VM: in the VM's domain, decoding, and bus master. */
  ASSIGNED,
  /** Could not be quiesced or moved home: blocked, owned by no VM, never in the host domain. */
  BROKEN;

  /** Returns the states that may follow this one. */
  public Set<PptState> next() {
    return switch (this) {
      case HOST -> EnumSet.of(PARKED, BROKEN);
      case PARKED -> EnumSet.of(HOST, ASSIGNED, BROKEN);
      case ASSIGNED -> EnumSet.of(PARKED, BROKEN);
      case BROKEN -> EnumSet.of(PARKED);
    };
  }

  /**
   * Goes to {@code state}.
   *
   * @throws IllegalStateException if that is no transition: a mistake in the driver
   */
  PptState to(PptState state) {
    if (!next().contains(state)) {
      throw new IllegalStateException("no transition from " + this + " to " + state);
    }
    return state;
  }
}
