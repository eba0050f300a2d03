package dev.vmm.iommu.intel.regs;

/** What RTADDR_REG.TTM says of the root table. Source: VT-d r4.1, "Root Table Address Register". */
public enum TranslationTableMode {
  /** legacy mode. */
  LEGACY(0, "legacy mode"),
  /** scalable mode. */
  SCALABLE(1, "scalable mode"),
  /** reserved code. */
  RESERVED(2, "reserved code"),
  /** abort-DMA mode. */
  ABORT(3, "abort-DMA mode");

  private static final TranslationTableMode[] ALL = values();

  private final int code;
  private final String text;

  TranslationTableMode(int code, String text) {
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

  /** Returns the meaning of a code; {@link #RESERVED} if the book gives it none. */
  public static TranslationTableMode of(int code) {
    for (TranslationTableMode value : ALL) {
      if (value.code == code) {
        return value;
      }
    }
    return RESERVED;
  }
}
