package dev.vmm.iommu.inspect;

import java.util.List;

/**
 * An interrupt-remapping table.
 *
 * @param of whose it is: a requester id, or {@code all devices}
 * @param enabled whether the unit uses it
 * @param hpa of its first entry
 * @param entries how many it holds
 * @param mode in words, such as {@code x2APIC}
 * @param present the entries that are present, by index
 * @param problems what is against the book
 */
public record InterruptTableReport(
    String of,
    boolean enabled,
    long hpa,
    int entries,
    String mode,
    List<Entry> present,
    List<String> problems) {
  /**
   * One present entry.
   *
   * @param index in the table
   * @param raw its words as hex, high word first
   * @param meaning in words: vector, destination, who may use it
   * @param fields the book's fields, high bits first
   */
  public record Entry(int index, String raw, String meaning, List<FieldReport> fields) {
    /** Copies the list. */
    public Entry {
      fields = List.copyOf(fields);
    }
  }

  /** Copies the lists. */
  public InterruptTableReport {
    present = List.copyOf(present);
    problems = List.copyOf(problems);
  }
}
