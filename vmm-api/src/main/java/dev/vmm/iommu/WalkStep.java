package dev.vmm.iommu;

import java.util.Locale;

/**
 * The page-table entry at which a walk ends without a page for what was asked.
 *
 * @param level the level of its table; level 1 holds 4 KiB pages
 * @param hpa where the entry is
 * @param entry what it holds
 * @param why why the walk ends there
 */
public record WalkStep(int level, long hpa, long entry, Why why) {
  /** Why a walk ends. */
  public enum Why {
    /** The entry is not present, or leads past the levels that the address needs. */
    NOT_PRESENT("not present"),
    /** The entry does not permit the access. */
    NOT_PERMITTED("it does not permit the access"),
    /** Reserved bits are set in the entry, or it is a link where only a page can be. */
    RESERVED("it is reserved"),
    /** The entry leads to a table that is not in RAM. */
    UNREADABLE("the table that it leads to is not in RAM");

    private final String text;

    Why(String text) {
      this.text = text;
    }

    /** Returns the reason in words. */
    public String text() {
      return text;
    }
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "level %d, entry 0x%x at 0x%x: %s", level, entry, hpa, why.text());
  }
}
