package dev.vmm.core.policy;

import dev.vmm.pci.Rid;
import java.util.List;

/**
 * Whether a device may be assigned, with everything that is in the way: not only the first.
 *
 * <p>Immutable and thread-safe. It holds for the moment in which it was made.
 *
 * @param rid the device
 * @param description the device for people: {@code 0000:00:02.0 1234:11e8 class 00ff00}
 * @param obstacles from the machine's to the device's; blockers and warnings as they come
 */
public record Verdict(Rid rid, String description, List<Obstacle> obstacles) {
  /** Copies the list. */
  public Verdict {
    obstacles = List.copyOf(obstacles);
  }

  /** Says whether no obstacle blocks. */
  public boolean allowed() {
    return obstacles.stream().noneMatch(Obstacle::blocks);
  }

  /** Returns those that forbid the assign. */
  public List<Obstacle> blockers() {
    return obstacles.stream().filter(Obstacle::blocks).toList();
  }

  /** Returns those that do not. */
  public List<Obstacle> warnings() {
    return obstacles.stream().filter(obstacle -> !obstacle.blocks()).toList();
  }
}
