package dev.vmm.iommu;

import org.jspecify.annotations.Nullable;

/** What a device may do with a mapped range. */
public enum Access {
  /** The device may read. */
  READ(true, false),
  /** The device may write. */
  WRITE(false, true),
  /** The device may read and write. */
  READ_WRITE(true, true);

  private final boolean readable;
  private final boolean writable;

  Access(boolean readable, boolean writable) {
    this.readable = readable;
    this.writable = writable;
  }

  /** Says whether a device may read. */
  public boolean readable() {
    return readable;
  }

  /** Says whether a device may write. */
  public boolean writable() {
    return writable;
  }

  /** Returns what both allow, null if that is nothing. */
  public @Nullable Access and(Access other) {
    if (this == other || other == READ_WRITE) {
      return this;
    }
    return this == READ_WRITE ? other : null;
  }

  /** Returns {@code r-}, {@code -w} or {@code rw}. */
  @Override
  public String toString() {
    return (readable ? "r" : "-") + (writable ? "w" : "-");
  }
}
