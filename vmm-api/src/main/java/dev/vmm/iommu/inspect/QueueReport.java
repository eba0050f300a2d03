package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * A ring in memory between software and a unit: commands or invalidations for the unit, or what the
 * unit tells.
 *
 * @param name the book's name, such as {@code invalidation queue}
 * @param enabled whether the unit uses it
 * @param hpa of the ring's first entry
 * @param entries how many the ring holds
 * @param entryBytes the size of one
 * @param head the index of the next entry that its reader takes
 * @param tail the index of the next entry that its writer fills
 * @param state in words: idle, how many wait, or the error that stopped it
 * @param pending the entries from head to tail, 256 at most
 */
public record QueueReport(
    String name,
    boolean enabled,
    long hpa,
    int entries,
    int entryBytes,
    int head,
    int tail,
    String state,
    List<Entry> pending) {
  /**
   * One entry.
   *
   * @param index in the ring
   * @param raw its words as hex, high word first
   * @param meaning in words
   */
  public record Entry(int index, String raw, String meaning) {}

  /** Copies the list. */
  public QueueReport {
    pending = List.copyOf(pending);
  }
}
