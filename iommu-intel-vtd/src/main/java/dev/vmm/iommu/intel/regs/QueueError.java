package dev.vmm.iommu.intel.regs;

/** What IQERCD_REG.IQEI says. Source: VT-d r4.1, "Invalidation Queue Error Record Register". */
public enum QueueError {
  /** no detail. */
  NONE(0, "no detail"),
  /** IQT_REG not aligned to the descriptor width. */
  TAIL_ALIGNMENT(1, "IQT_REG not aligned to the descriptor width"),
  /** a descriptor could not be read. */
  FETCH(2, "a descriptor could not be read"),
  /** a descriptor has an invalid type or width. */
  TYPE(3, "a descriptor has an invalid type or width"),
  /** a descriptor has reserved bits set. */
  RESERVED_BITS(4, "a descriptor has reserved bits set"),
  /** a wait descriptor asks for nothing or its status could not be written. */
  WAIT_STATUS(5, "a wait descriptor asks for nothing or its status could not be written"),
  /** a code that the book does not give. */
  UNKNOWN(-1, "a code that the book does not give");

  private static final QueueError[] ALL = values();

  private final int code;
  private final String text;

  QueueError(int code, String text) {
    this.code = code;
    this.text = text;
  }

  /** Returns the book's code. */
  public int code() {
    return code;
  }

  /** Returns the book's meaning in words. */
  public String text() {
    return text;
  }

  /** Returns the meaning of a code; {@link #UNKNOWN} if the book gives it none. */
  public static QueueError of(int code) {
    for (QueueError value : ALL) {
      if (value.code == code) {
        return value;
      }
    }
    return UNKNOWN;
  }
}
